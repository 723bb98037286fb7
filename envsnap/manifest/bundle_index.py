"""bundle.toml: everything that a bundle holds, each file with its size and SHA-256."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.lockfile import plain
from envsnap.manifest.manifest import Sha256
from envsnap.manifest.model import Model, convert
from envsnap.manifest.package import FileName, Name
from envsnap.manifest.toml import parse_toml
from envsnap.manifest.working_tree import Commit

BUNDLE_SCHEMA = "1.0"
INDEX = "bundle.toml"
LOCK = "envsnap.lock"
BASELINE = "envsnap.baseline"
BLOBS = "blobs/sha256"
HEADER = "# Written by envsnap bundle: what lies here. The hashes prove it; do not edit it.\n"

EntryName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?!\.{1,2}(/|\Z))[^/\x00-\x1f\x7f]+(/(?!\.{1,2}(/|\Z))[^/\x00-\x1f\x7f]+)*\Z", max_length=4096
    ),
]
"""A relative path whose every part is a plain name: a bundle is untrusted, and this becomes a path."""

EntryKind = Literal["lock", "baseline", "wheel", "conda", "source"]


class BundleEntry(Model, frozen=True):
    """One file of a bundle.

    Args:
        kind: what it is for.
        name: its own name; a path in ``envsnap.baseline`` for a file of the baseline.
        sha256: of its contents.
        size: in bytes.
    """

    kind: EntryKind
    name: EntryName
    sha256: Sha256
    size: Annotated[int, msgspec.Meta(ge=0)]

    @property
    def place(self) -> str:
        """Where it lies in the bundle."""
        match self.kind:
            case "lock":
                return LOCK
            case "baseline":
                return f"{BASELINE}/{self.name}"
            case _:
                return f"{BLOBS}/{self.sha256}"


class ReplacedWheel(Model, frozen=True):
    """A wheel that could not be had any more: one made from the installed files stands for it.

    Args:
        package: whose wheel it is.
        wheel: the file that the original lock pins.
        sha256: of that file; empty where the original lock pins none.
        reason: why it could not be had.
    """

    package: Name
    reason: str
    wheel: FileName | None = None
    sha256: Sha256 | None = None


class BundleIndex(Model, frozen=True):
    """What a bundle holds.

    Args:
        created_by: name and version of the program.
        lock: digest of the lock in the bundle, as its ``[snapshot]`` says.
        entries: every file but this one, in order of kind and name.
        original_lock: digest of the lock that the bundle was made from, where wheels had to be replaced.
        replaced: those wheels.
        commit: of the source; absent where the bundle holds none.
        project: where the project lies in the source; absent for its top.
        schema_version: of this file's format.
    """

    created_by: str
    lock: Sha256
    entries: tuple[BundleEntry, ...]
    original_lock: Sha256 | None = None
    replaced: tuple[ReplacedWheel, ...] = ()
    commit: Commit | None = None
    project: EntryName | None = None
    schema_version: str = BUNDLE_SCHEMA

    def of_kind(self, kind: EntryKind) -> tuple[BundleEntry, ...]:
        """Return the entries of one kind."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def wheel(self, sha256: str) -> BundleEntry | None:
        """Return the wheel with this digest; None where there is none."""
        return next((entry for entry in self.of_kind("wheel") if entry.sha256 == sha256), None)

    @property
    def size(self) -> int:
        """Bytes of all files; equal files count once."""
        return sum(entry.size for entry in self.places.values())

    @property
    def places(self) -> dict[str, BundleEntry]:
        """The entries by where they lie; equal files lie in one place."""
        return {entry.place: entry for entry in sorted(self.entries, key=lambda entry: (entry.place, entry.name))}


def dump_index(index: BundleIndex) -> str:
    """Write the index as TOML. Equal indexes give equal text."""
    import tomli_w

    return HEADER + tomli_w.dumps(plain(index), multiline_strings=False)


def parse_index(text: str, *, source: str) -> BundleIndex:
    """Read an index, which is untrusted.

    Raises:
        InvalidFileError: not TOML, an unknown schema or key, a wrong type, a name that is no plain relative path, two
            files that would lie in one place, or not exactly one lock; the message starts with ``source``.
    """
    document = parse_toml(text, source=source)
    version = document.get("schema-version")
    if not isinstance(version, str) or version.partition(".")[0] != BUNDLE_SCHEMA.partition(".")[0]:
        raise InvalidFileError(
            f"{source}: schema-version {version!r} is not known to this envsnap ({BUNDLE_SCHEMA}); "
            "use the envsnap that wrote it, or make the bundle anew"
        )
    index = convert(document, BundleIndex, source=source)
    _check(index, source)
    return index


def _check(index: BundleIndex, source: str) -> None:
    if len(index.of_kind("lock")) != 1 or len(index.of_kind("source")) > 1:
        raise InvalidFileError(f"{source}: it must name exactly one lock, and one source at most")
    twice = _twice((entry.kind, entry.name) for entry in index.entries)
    if twice:
        raise InvalidFileError(f"{source}: {twice[0]} {twice[1]} is listed twice")
    places = index.places
    for entry in index.entries:
        if places[entry.place].size != entry.size:
            raise InvalidFileError(f"{source}: {entry.place} is listed with two sizes")


def _twice(keys: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    return next((key for key, count in Counter(keys).items() if count > 1), None)
