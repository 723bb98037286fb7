"""What earlier freezes proved: content digest -> package entry, so that nothing is asked or hashed twice."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from envsnap.host.cache import CacheFile
from envsnap.host.digests import RACY_NANOSECONDS, FileState, file_state
from envsnap.host.files import sha256_bytes, sha256_file
from envsnap.manifest.finding import Finding
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Artefact, Package

VERSION = 8
PROVEN = frozenset(["index-verified", "direct-url", "local-file", "repacked"])


class _Proofs(msgspec.Struct, frozen=True):
    entries: dict[str, Package] = {}
    answers: dict[str, Finding | None] = {}
    wheels: dict[str, tuple[FileState, str]] = {}


class Memo:
    """Package entries by what was installed. The file is a cache: an unreadable one is as good as none.

    ``answers`` holds what the configured indexes said last about a package, by its label; it may be replaced. A kept
    wheel is hashed again where it is in another state than when it was hashed last: it may have been damaged since.
    """

    def __init__(self, path: Path, wheels: Path) -> None:
        self._file, self._wheels = CacheFile(path, _Proofs, VERSION), wheels
        stored = self._file.load() or _Proofs()
        self._entries, self.answers, self._hashed = stored.entries, dict(stored.answers), dict(stored.wheels)
        self._opened = time.time_ns()

    def find(self, installed: InstalledPackage) -> Package | None:
        """Return the proven entry of exactly this distribution, if its wheel is still where it was, and as it was."""
        entry = self._entries.get(_key(installed))
        wheel = entry.wheel if entry is not None else None
        if wheel is not None and wheel.path and not self._holds(wheel):
            return None
        return entry

    def _holds(self, wheel: Artefact) -> bool:
        path, sha256 = self._wheels / wheel.name, wheel.hashes.get("sha256", "")
        try:
            state = file_state(path.stat())
            if state.size != wheel.size:
                return False
            if self._hashed.get(wheel.name) == (state, sha256):
                return True
            is_it = sha256_file(path)[0] == sha256
        except OSError:
            return False
        if is_it and max(state.modified, state.changed) < self._opened - RACY_NANOSECONDS:
            self._hashed[wheel.name] = state, sha256
        return is_it

    def remember(self, pairs: Iterable[tuple[InstalledPackage, Package]]) -> None:
        """Keep the entries that were proven; a source tree can change under the same digest and is not kept.

        An older entry whose wheel was overwritten, by one of the same name and other contents, is forgotten.
        """
        proven = {
            _key(installed): package
            for installed, package in pairs
            if package.installed.evidence in PROVEN and package.directory is None
        }
        made = {path: package.wheel for package in proven.values() if (path := _kept_wheel(package))}
        old = self._entries.items()
        valid = {key: entry for key, entry in old if made.get(_kept_wheel(entry), entry.wheel) == entry.wheel}
        self._entries = valid | proven
        self.save()

    def save(self) -> None:
        """Write what is new."""
        self._file.save(_Proofs(self._entries, dict(self.answers), dict(self._hashed)))


def _kept_wheel(package: Package) -> str:
    return (package.wheel.path if package.wheel else None) or ""


def _key(installed: InstalledPackage) -> str:
    """Digest everything that an entry depends on; where the files lie on this machine is not among it.

    What direct_url.json says is: it can hold a login, and only its digest may be written.
    """
    return sha256_bytes(msgspec.json.encode(msgspec.structs.replace(installed, root="", folder="")))
