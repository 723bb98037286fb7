"""What earlier freezes proved: content digest -> package entry, so that nothing is asked or hashed twice."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from envsnap.host.files import atomic_write
from envsnap.manifest.package import Installed, Package

VERSION = 1
PROVEN = frozenset(["index-verified", "direct-url", "local-file", "repacked"])


class _Stored(msgspec.Struct, frozen=True):
    version: int
    entries: dict[str, Package]


class Memo:
    """Package entries by what was installed. The file is a cache: an unreadable one is as good as none."""

    def __init__(self, path: Path, wheels: Path) -> None:
        self._path, self._wheels = path, wheels
        self._entries = _load(path)

    def find(self, installed: Installed) -> Package | None:
        """Return the proven entry of exactly this distribution, if its wheel is still where it was."""
        entry = self._entries.get(_key(installed))
        if entry is None or (entry.wheel and entry.wheel.path and not (self._wheels / entry.wheel.name).is_file()):
            return None
        return entry

    def remember(self, pairs: Iterable[tuple[Installed, Package]]) -> None:
        """Keep the entries that were proven; a source tree can change under the same digest and is not kept."""
        proven = {
            _key(installed): package
            for installed, package in pairs
            if package.installed.evidence in PROVEN and package.directory is None
        }
        if any(self._entries.get(key) != package for key, package in proven.items()):
            self._entries = self._entries | proven
            atomic_write(self._path, msgspec.json.encode(_Stored(VERSION, self._entries)))


def _key(installed: Installed) -> str:
    return " ".join(
        (installed.label, installed.content_digest, installed.build, installed.installer, installed.location,
         str(installed.requested), *installed.tags)
    )  # fmt: skip


def _load(path: Path) -> dict[str, Package]:
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    except (OSError, msgspec.DecodeError):
        return {}
    return stored.entries if stored.version == VERSION else {}
