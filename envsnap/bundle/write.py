"""A store with everything in it -> a bundle, as a folder or as one archive; its index comes last."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envsnap.bundle.store import BlobStore, room_in_bundle
from envsnap.errors import BundleError
from envsnap.host.archive import TarMember, write_tar
from envsnap.host.files import atomic_write, remove_unfinished
from envsnap.manifest.bundle_index import BASELINE, BLOBS, INDEX, LOCK, BundleIndex, dump_index

ARCHIVE_SUFFIX = ".tar"
PARTS = frozenset({BLOBS.partition("/")[0]})
TOP = frozenset({INDEX, LOCK, BASELINE, BLOBS.partition("/")[0]})


@dataclass(frozen=True, kw_only=True, slots=True)
class BundlePlace:
    """Where a bundle goes: ``root`` holds it while it is made, and stays where it is a folder."""

    path: Path
    root: Path

    @property
    def is_archive(self) -> bool:
        """Whether one file is wanted."""
        return self.root != self.path

    @property
    def store(self) -> BlobStore:
        """The blobs."""
        return BlobStore(self.root)


def place_of(path: Path) -> BundlePlace:
    """Say where the blobs of a bundle at ``path`` are gathered: a name that ends with ``.tar`` means an archive.

    Raises:
        BundleError: something else stands there.
    """
    if path.suffix == ARCHIVE_SUFFIX:
        if path.is_dir():
            raise BundleError(f"{path} is a folder: name another archive, or a folder without {ARCHIVE_SUFFIX}")
        if path.exists() and not _begins_as_bundle(path):
            raise BundleError(f"{path} is no bundle and would be overwritten: name another place")
        parts = path.with_name(f"{path.name}.parts")
        _refuse_foreign(parts, PARTS)
        return BundlePlace(path=path, root=parts)
    if path.exists() and not path.is_dir():
        raise BundleError(f"{path} is a file and would be overwritten: name another place, or one that ends with .tar")
    for name in (INDEX, LOCK):
        remove_unfinished(path / name)
    _refuse_foreign(path, TOP)
    return BundlePlace(path=path, root=path)


def _begins_as_bundle(path: Path) -> bool:
    """Whether a file begins as every bundle's archive does: with its index."""
    with path.open("rb") as file:
        return file.read(len(INDEX) + 1) == INDEX.encode() + b"\0"


def _refuse_foreign(folder: Path, known: frozenset[str]) -> None:
    foreign = sorted({entry.name for entry in folder.iterdir()} - known) if folder.is_dir() else []
    if foreign:
        raise BundleError(f"{folder} holds {foreign[0]}, which belongs to no bundle: name another place")


def write_bundle(place: BundlePlace, index: BundleIndex, lock: bytes, baseline: Mapping[str, Path]) -> None:
    """Complete a bundle whose blobs are all in the store.

    Args:
        place: where it goes.
        index: what it holds.
        lock: the lock's text.
        baseline: the baseline's files by their names in the index.

    Raises:
        BundleError: there is no room.
    """
    with room_in_bundle(place.path.name, place.path.parent):
        if place.is_archive:
            remove_unfinished(place.path)
            write_tar(place.path, _members(place, index, lock, baseline))
            shutil.rmtree(place.root)
        else:
            _write_folder(place, index, lock, baseline)


def _members(place: BundlePlace, index: BundleIndex, lock: bytes, baseline: Mapping[str, Path]) -> Iterator[TarMember]:
    text = dump_index(index).encode()
    yield TarMember(name=INDEX, contents=text, size=len(text))
    for name, entry in sorted(index.places.items(), key=lambda item: (item[1].kind != "lock", item[0])):
        match entry.kind:
            case "lock":
                contents: bytes | Path = lock
            case "baseline":
                contents = baseline[entry.name]
            case _:
                contents = place.root / name
        yield TarMember(name=name, contents=contents, size=entry.size)


def _write_folder(place: BundlePlace, index: BundleIndex, lock: bytes, baseline: Mapping[str, Path]) -> None:
    """Replace what an earlier bundle had here; while that is done the folder has no index, and nobody takes it."""
    (place.path / INDEX).unlink(missing_ok=True)
    shutil.rmtree(place.path / BASELINE, ignore_errors=True)
    atomic_write(place.path / LOCK, lock)
    for name, source in sorted(baseline.items()):
        target = place.path / BASELINE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    place.store.keep_only(_digests(index))
    atomic_write(place.path / INDEX, dump_index(index).encode())


def _digests(index: BundleIndex) -> Iterable[str]:
    return {entry.sha256 for entry in index.entries if entry.place.startswith(f"{BLOBS}/")}
