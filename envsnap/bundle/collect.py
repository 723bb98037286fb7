"""What a lock needs, and where each piece is had from: this machine, else the server that the lock names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envsnap.bundle.store import BlobStore
from envsnap.host.index.config import is_remote, local_path
from envsnap.host.index.file import IndexFile, file_name
from envsnap.manifest.bundle_index import BundleEntry, ReplacedWheel
from envsnap.manifest.manifest import Conda
from envsnap.manifest.package import Package

THREADS = 4


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file that the bundle must hold.

    Args:
        kind: a wheel, or a conda package.
        package: whose file it is.
        file: what the lock says of it, a conda package's with the platform before its name; without a SHA-256 where the
            lock pins none, ``url`` is "" for a file of the freezing machine.
    """

    kind: Literal["wheel", "conda"]
    package: str
    file: IndexFile

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.package}: {self.file.filename}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """What came of collecting.

    Args:
        entries: what is in the store now.
        lost: the wheels that are nowhere any more.
        problems: why conda's packages are nowhere any more: nothing can stand for one.
        fetched: how many bytes came from a server.
    """

    entries: tuple[BundleEntry, ...]
    lost: tuple[ReplacedWheel, ...]
    problems: tuple[str, ...]
    fetched: int


Fetch = Callable[[Mapping[str, IndexFile], Path], Mapping[str, str]]
"""Fetches files, by how messages name them, into the store's folder of blobs; returns by SHA-256 why a server has one
no longer."""


def wanted_wheels(packages: Iterable[Package]) -> tuple[tuple[PinnedFile, ...], tuple[ReplacedWheel, ...]]:
    """Return the wheels that a lock pins, and the packages that it has none for.

    Conda's own have archives, and the project's own code comes with the working tree.
    """
    wanted, lost = [], []
    for package in packages:
        wheel = package.wheel
        if wheel is not None:
            file = IndexFile(filename=wheel.name, url=wheel.url or "", hashes=wheel.hashes, size=wheel.size)
            wanted.append(PinnedFile("wheel", package.name, file))
        elif package.installed.owner != "conda" and not package.is_own_code:
            reason = package.installed.reason or "the lock has no artefact for it"
            lost.append(ReplacedWheel(package=package.name, reason=reason))
    return tuple(wanted), tuple(lost)


def wanted_conda(conda: Conda | None) -> tuple[tuple[PinnedFile, ...], tuple[str, ...]]:
    """Return conda's archives, and the names of those that no SHA-256 pins."""
    packages = conda.packages if conda else ()
    wanted = []
    for package in packages:
        if package.sha256 and package.url:
            name, hashes = f"{package.subdir or 'noarch'}/{file_name(package.url)}", {"sha256": package.sha256}
            file = IndexFile(filename=name, url=package.url, hashes=hashes, size=package.size or None)
            wanted.append(PinnedFile("conda", package.name, file))
    return tuple(wanted), tuple(package.name for package in packages if not (package.sha256 and package.url))


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
        found = pool.map(lambda item: _find(item, store, folders), wanted)
        absent = [item for item, is_here in zip(wanted, found, strict=True) if not is_here]
    remote = [item for item in absent if item.file.sha256 and is_remote(item.file.url)]
    before = sum(store.part_of(item.file.sha256) for item in remote)
    refused = fetch({item.label: item.file for item in remote}, store.blobs)
    lost = [(item, _reason(item, refused, folders)) for item in absent if not store.has(item.file.sha256)]
    brought = sum(store.size_of(item.file.sha256) for item in absent if store.has(item.file.sha256))
    return Collection(
        entries=tuple(_entry(item, store) for item in wanted if store.has(item.file.sha256)),
        lost=tuple(_lost(item, reason) for item, reason in lost if item.kind == "wheel"),
        problems=tuple(reason for item, reason in lost if item.kind != "wheel"),
        fetched=max(0, brought - before),
    )


def _find(item: PinnedFile, store: BlobStore, folders: Sequence[Path]) -> bool:
    """Whether the file is in the store already, or lay on this machine and is there now."""
    file = item.file
    if not file.sha256:
        return False
    named = local_path(file.url) if file.url.startswith("file://") else None
    places = [*([named] if named else []), *(folder / file.filename.rpartition("/")[2] for folder in folders)]
    return store.holds(file.sha256) or any(store.take(place, file.sha256, item.label) for place in places)


def _reason(item: PinnedFile, refused: Mapping[str, str], folders: Sequence[Path]) -> str:
    sha256 = item.file.sha256
    if sha256 in refused:
        return refused[sha256]
    places = ", ".join(map(str, folders))
    pinned = f"with sha256 {sha256}" if sha256 else "that the lock pins by SHA-256"
    return f"{item.label}: no index serves it, and no file of that name {pinned} lies in {places}"


def _lost(item: PinnedFile, reason: str) -> ReplacedWheel:
    sha256 = item.file.sha256 or None
    return ReplacedWheel(
        package=item.package, reason=reason, wheel=item.file.filename if sha256 else None, sha256=sha256
    )


def _entry(item: PinnedFile, store: BlobStore) -> BundleEntry:
    sha256 = item.file.sha256
    return BundleEntry(kind=item.kind, name=item.file.filename, sha256=sha256, size=store.size_of(sha256))
