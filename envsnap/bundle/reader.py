"""A bundle as it is read: nothing is believed but what its hashes prove."""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from envsnap.bundle.store import room_in_bundle
from envsnap.errors import BundleError, InvalidFileError
from envsnap.host.archive import is_inside, read_exactly, read_members
from envsnap.host.files import link_or_copy, sha256_bytes, sha256_file
from envsnap.manifest.bundle_index import INDEX, BundleEntry, BundleIndex, parse_index
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact

LONGEST_INDEX = 16 * 2**20
LONGEST_LOCK = 64 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """An open bundle.

    Args:
        path: of the folder or archive.
        index: what it holds.
        offsets: where each place begins in the archive; None for a folder.
    """

    path: Path
    index: BundleIndex
    offsets: Mapping[str, int] | None

    def manifest(self) -> tuple[Manifest, tuple[str, ...]]:
        """Return the lock, with warnings.

        Raises:
            BundleError: it is not the file, or the lock, that the index names.
            InvalidFileError: it is not valid.
        """
        (entry,) = self.index.of_kind("lock")
        text = self._read(entry, LONGEST_LOCK).decode("utf-8", "replace")
        manifest, warnings = parse_manifest(text, source=f"{self.path.name}: {entry.place}")
        if manifest.snapshot.digest != self.index.lock:
            raise BundleError(f"{self.path}: its lock is not the one that {INDEX} names; fetch the bundle again")
        return manifest, warnings

    def copy_wheel(self, wheel: Artefact, target: Path) -> None:
        """Copy the wheel with the artefact's digest to ``target``.

        Raises:
            BundleError: the bundle does not hold it, or holds other bytes under its digest; or there is no room.
        """
        entry = self.index.wheel(wheel.hashes.get("sha256", ""))
        if entry is None:
            raise BundleError(
                f"{self.path} holds no {wheel.name} with sha256 {wheel.hashes.get('sha256', '?')}: it was made from "
                "another lock; leave LOCK out to build the bundle's own"
            )
        self.copy(entry, target, may_link=True)

    def copy(self, entry: BundleEntry, target: Path, *, may_link: bool = False) -> None:
        """Copy one file to ``target``, which holds it only once its digest is proven.

        Args:
            entry: the file.
            target: where it goes.
            may_link: whether it may stay one file with the bundle's: where nobody will write to it.

        Raises:
            BundleError: its bytes are others; or there is no room.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with room_in_bundle(entry.name, target.parent):
            if self.offsets is None and may_link:
                self._prove_file(entry)
                link_or_copy(self.path / entry.place, target)
                return
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
                self._copy_out(entry, Path(scratch) / "file")
                (Path(scratch) / "file").replace(target)

    def _prove_file(self, entry: BundleEntry) -> None:
        try:
            found = sha256_file(_regular(self.path, entry))
        except OSError as error:
            raise BundleError(f"{self.path}: {entry.place} cannot be read: {error.strerror}") from error
        if found != (entry.sha256, entry.size):
            raise self._damaged(entry, found[0])

    def _copy_out(self, entry: BundleEntry, target: Path) -> None:
        digest = hashlib.sha256()
        with self._open(entry) as source, target.open("wb") as file:
            for block in read_exactly(source, entry.size):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != entry.sha256:
            raise self._damaged(entry, digest.hexdigest())

    def _read(self, entry: BundleEntry, limit: int) -> bytes:
        if entry.size > limit:
            raise BundleError(f"{self.path}: {entry.place} has {entry.size:,} bytes, more than any real one")
        with self._open(entry) as source:
            data = source.read(entry.size)
        if sha256_bytes(data) != entry.sha256:
            raise self._damaged(entry, sha256_bytes(data))
        return data

    @contextlib.contextmanager
    def _open(self, entry: BundleEntry) -> Iterator[IO[bytes]]:
        try:
            place = self.path if self.offsets is not None else _regular(self.path, entry)
            with place.open("rb") as file:
                file.seek(self.offsets[entry.place] if self.offsets is not None else 0)
                yield file
        except EOFError as error:
            raise BundleError(f"{self.path}: {entry.place} is cut off; fetch the bundle again") from error

    def _damaged(self, entry: BundleEntry, found: str) -> BundleError:
        return BundleError(
            f"{self.path}: {entry.name} is damaged: its sha256 is {found}, {INDEX} says {entry.sha256}; fetch the "
            "bundle again"
        )


def open_bundle(path: Path) -> Bundle:
    """Open a folder or an archive, and hold the names and sizes in it against its index.

    Raises:
        BundleError: it is not there, is no bundle, or holds what its index does not name.
    """
    if path.is_dir():
        index = _parse(_read_index(path / INDEX), path)
        for entry in index.places.values():
            _check_there(path, entry)
        return Bundle(path=path, index=index, offsets=None)
    if not path.is_file():
        raise BundleError(f"there is no bundle {path}: make one with 'envsnap bundle'")
    return _open_archive(path)


def _read_index(path: Path) -> bytes:
    if not path.is_file():
        raise BundleError(
            f"{path.parent} is no bundle, or one that is not complete: it has no {INDEX}; run 'envsnap bundle' again"
        )
    with path.open("rb") as file:
        return file.read(LONGEST_INDEX + 1)


def _parse(data: bytes, path: Path) -> BundleIndex:
    if len(data) > LONGEST_INDEX:
        raise BundleError(f"{path}: {INDEX} has more than {LONGEST_INDEX:,} bytes: this is no bundle")
    try:
        index = parse_index(data.decode("utf-8"), source=f"{path.name}: {INDEX}")
    except (InvalidFileError, UnicodeDecodeError) as error:
        raise BundleError(f"this is no bundle: {error}") from error
    for place in (*index.places, index.project or "project"):
        if not is_inside(place):
            raise BundleError(f"{path.name}: {INDEX} names {place!r}, which no bundle may hold")
    return index


def _check_there(path: Path, entry: BundleEntry) -> None:
    size = _regular(path, entry).stat().st_size
    if size != entry.size:
        raise BundleError(
            f"{path}: {entry.name} has {size:,} bytes, {INDEX} says {entry.size:,}; run 'envsnap bundle' again"
        )


def _regular(path: Path, entry: BundleEntry) -> Path:
    """Return a file of a folder; a link, or a pipe that nobody writes to, is none of its."""
    place = path / entry.place
    if place.is_symlink() or not place.is_file():
        raise BundleError(f"{path} lacks {entry.name} ({entry.place}); run 'envsnap bundle' again, or fetch it again")
    return place


def _open_archive(path: Path) -> Bundle:
    members = read_members(path)
    first = next(members, None)
    if first is None or first.name != INDEX or first.link is not None:
        raise BundleError(f"{path} is no bundle: it does not begin with {INDEX}")
    with path.open("rb") as file:
        file.seek(first.offset)
        index = _parse(file.read(min(first.size, LONGEST_INDEX + 1)), path)
    places = index.places
    offsets: dict[str, int] = {}
    for member in members:
        entry = places.get(member.name)
        if entry is None or member.link is not None:
            raise BundleError(f"{path} holds {member.name!r}, which {INDEX} does not name; nothing was taken from it")
        if member.size != entry.size:
            raise BundleError(
                f"{path}: {entry.name} has {member.size:,} bytes, {INDEX} says {entry.size:,}; fetch the bundle again"
            )
        offsets[member.name] = member.offset
    lacking = sorted(places.keys() - offsets.keys())
    if lacking:
        raise BundleError(f"{path} lacks {places[lacking[0]].name} ({lacking[0]}); fetch the bundle again")
    return Bundle(path=path, index=index, offsets=offsets)
