"""What a lock needs, and where each piece is had from: this machine, else the server that the lock names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from envsnap.bundle.store import BlobStore
from envsnap.host.index.config import local_path
from envsnap.host.index.fetch import Refusal
from envsnap.host.index.transfer import Download
from envsnap.manifest.bundle_index import BundleEntry
from envsnap.manifest.manifest import Conda
from envsnap.manifest.package import Package

THREADS = 4


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file that the bundle must hold.

    Args:
        kind: a wheel, or a conda package.
        file: its name, a conda package's with the platform before it, and what pins it; ``sha256`` is "" where the lock
            pins nothing, ``url`` for a file of the freezing machine, or for none at all.
    """

    kind: Literal["wheel", "conda"]
    file: Download


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that is nowhere any more, and why."""

    pinned: PinnedFile
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """What is in the store now, what is missing, and how many bytes were fetched for it."""

    entries: tuple[BundleEntry, ...]
    missing: tuple[MissingFile, ...]
    fetched: int


Fetch = Callable[[Sequence[Download], Path], tuple[Refusal, ...]]
"""Fetches files into the store's folder of blobs; returns what the servers do not have any more."""


def wanted_wheels(packages: Iterable[Package]) -> tuple[tuple[PinnedFile, ...], tuple[MissingFile, ...]]:
    """Return the wheels that a lock pins, and the packages that it has none for and that conda does not own."""
    wanted, missing = [], []
    for package in packages:
        wheel = package.wheel
        if wheel is not None:
            sha256 = wheel.hashes.get("sha256", "")
            file = Download(package=package.name, name=wheel.name, url=wheel.url or "", sha256=sha256, size=wheel.size)
            wanted.append(PinnedFile("wheel", file))
        elif package.installed.owner != "conda":
            nothing = Download(package=package.name, name="no wheel", url="", sha256="")
            missing.append(
                MissingFile(PinnedFile("wheel", nothing), package.installed.reason or "the lock has no artefact for it")
            )
    return tuple(wanted), tuple(missing)


def wanted_conda(conda: Conda | None) -> tuple[tuple[PinnedFile, ...], tuple[str, ...]]:
    """Return conda's archives, and the names of those that no SHA-256 pins."""
    packages = conda.packages if conda else ()
    pinned = [package for package in packages if package.sha256 and package.url]
    wanted = tuple(
        PinnedFile(
            "conda",
            Download(
                package=package.name,
                name=f"{package.subdir or 'noarch'}/{unquote(urlsplit(package.url).path.rsplit('/', 1)[-1])}",
                url=package.url,
                sha256=package.sha256,
                size=package.size or None,
            ),
        )
        for package in pinned
    )
    return wanted, tuple(package.name for package in packages if not (package.sha256 and package.url))


def collect(wanted: Sequence[PinnedFile], store: BlobStore, folders: Sequence[Path], fetch: Fetch) -> Collection:
    """Bring every file into the store.

    Args:
        wanted: the files.
        store: where they go; what an earlier try brought is there already.
        folders: of this machine, in which files are looked for by name and digest.
        fetch: brings the others.

    Raises:
        BundleError: a server cannot be reached, or there is no room.
    """
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        sizes = dict(zip(wanted, pool.map(lambda item: _find(item.file, store, folders), wanted), strict=True))
    absent = [item for item in wanted if sizes[item] is None]
    downloads = [item.file for item in absent if item.file.sha256 and item.file.url.startswith(("http://", "https://"))]
    before = sum(store.part_of(download.sha256) for download in downloads)
    refused = {refusal.download.sha256: refusal.reason for refusal in fetch(downloads, store.blobs)}
    missing = tuple(_missing(item, refused, folders) for item in absent if not _is_there(item.file, store))
    there = [item for item in wanted if sizes[item] is not None or _is_there(item.file, store)]
    brought = sum((store.blobs / item.file.sha256).stat().st_size for item in there if sizes[item] is None)
    return Collection(
        entries=tuple(_entry(item, store) for item in there),
        missing=missing,
        fetched=max(0, brought - before),
    )


def _find(file: Download, store: BlobStore, folders: Sequence[Path]) -> int | None:
    if not file.sha256:
        return None
    size = store.size_of(file.sha256)
    if size is not None:
        return size
    named = local_path(file.url) if file.url.startswith("file://") else None
    places = [*([named] if named else []), *(folder / file.name.rpartition("/")[2] for folder in folders)]
    found = (store.take(place, file.sha256, file.label) for place in places)
    return next((size for size in found if size is not None), None)


def _is_there(file: Download, store: BlobStore) -> bool:
    return bool(file.sha256) and (store.blobs / file.sha256).is_file()


def _missing(item: PinnedFile, refused: Mapping[str, str], folders: Sequence[Path]) -> MissingFile:
    file = item.file
    if file.sha256 in refused:
        return MissingFile(item, refused[file.sha256])
    places = ", ".join(map(str, folders))
    pinned = f"with sha256 {file.sha256}" if file.sha256 else "that the lock pins by SHA-256"
    return MissingFile(item, f"{file.label}: no index serves it, and no file of that name {pinned} lies in {places}")


def _entry(item: PinnedFile, store: BlobStore) -> BundleEntry:
    size = (store.blobs / item.file.sha256).stat().st_size
    return BundleEntry(kind=item.kind, name=item.file.name, sha256=item.file.sha256, size=size)
