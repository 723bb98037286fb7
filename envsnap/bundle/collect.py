"""What a lock needs, and where each piece is had from: this machine, else the server that the lock names."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from envsnap.bundle.store import Store
from envsnap.host.fetch import Refusal
from envsnap.host.index_config import local_path
from envsnap.host.transfer import Download
from envsnap.manifest.bundle import BundleEntry
from envsnap.manifest.manifest import Conda
from envsnap.manifest.package import Package

THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One file that the bundle must hold.

    Args:
        kind: a wheel, or a conda package.
        package: whose it is.
        name: of the file; a conda package's begins with its platform.
        sha256: what pins it; "" where the lock pins nothing.
        size: in bytes, where the lock knows it.
        url: where it is served; "" for a file of the freezing machine, or for none at all.
    """

    kind: Literal["wheel", "conda"]
    package: str
    name: str
    sha256: str
    size: int | None
    url: str

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.package}: {self.name}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is nowhere any more, and why."""

    wanted: Wanted
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What is in the store now, what is missing, and how many bytes were fetched for it."""

    entries: tuple[BundleEntry, ...]
    missing: tuple[Missing, ...]
    fetched: int


class Fetch(Protocol):
    """Whoever fetches files into the store's folder of blobs."""

    def __call__(self, downloads: Sequence[Download], folder: Path) -> tuple[Refusal, ...]:
        """Fetch all; return what the servers do not have any more."""


def wanted_wheels(packages: Iterable[Package]) -> tuple[tuple[Wanted, ...], tuple[Missing, ...]]:
    """Return the wheels that a lock pins, and the packages that it has none for and that conda does not own."""
    wanted, missing = [], []
    for package in packages:
        wheel = package.wheel
        if wheel is not None:
            wanted.append(
                Wanted(
                    kind="wheel",
                    package=package.name,
                    name=wheel.name,
                    sha256=wheel.hashes.get("sha256", ""),
                    size=wheel.size,
                    url=wheel.url or "",
                )
            )
        elif package.installed.owner != "conda":
            nothing = Wanted(kind="wheel", package=package.name, name="no wheel", sha256="", size=None, url="")
            missing.append(Missing(nothing, package.installed.reason or "the lock has no artefact for it"))
    return tuple(wanted), tuple(missing)


def wanted_conda(conda: Conda | None) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """Return conda's archives, and the names of those that no SHA-256 pins."""
    packages = conda.packages if conda else ()
    pinned = [package for package in packages if package.sha256 and package.url]
    wanted = tuple(
        Wanted(
            kind="conda",
            package=package.name,
            name=f"{package.subdir or 'noarch'}/{unquote(urlsplit(package.url).path.rsplit('/', 1)[-1])}",
            sha256=package.sha256,
            size=package.size or None,
            url=package.url,
        )
        for package in pinned
    )
    return wanted, tuple(package.name for package in packages if not (package.sha256 and package.url))


def collect(wanted: Sequence[Wanted], store: Store, folders: Sequence[Path], fetch: Fetch) -> Collected:
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
        sizes = dict(zip(wanted, pool.map(lambda item: _find(item, store, folders), wanted), strict=True))
    absent = [item for item in wanted if sizes[item] is None]
    downloads = [_download(item) for item in absent if item.sha256 and item.url.startswith(("http://", "https://"))]
    before = sum(store.part_of(download.sha256) for download in downloads)
    refused = {refusal.download.sha256: refusal.reason for refusal in fetch(downloads, store.blobs)}
    missing = tuple(_missing(item, refused, folders) for item in absent if not _is_there(item, store))
    there = [item for item in wanted if sizes[item] is not None or _is_there(item, store)]
    brought = sum((store.blobs / item.sha256).stat().st_size for item in there if sizes[item] is None)
    return Collected(
        entries=tuple(_entry(item, store) for item in there),
        missing=missing,
        fetched=max(0, brought - before),
    )


def _find(item: Wanted, store: Store, folders: Sequence[Path]) -> int | None:
    if not item.sha256:
        return None
    size = store.size_of(item.sha256)
    if size is not None:
        return size
    named = local_path(item.url) if item.url.startswith("file://") else None
    places = [*([named] if named else []), *(folder / item.name.rpartition("/")[2] for folder in folders)]
    found = (store.take(place, item.sha256, item.label) for place in places)
    return next((size for size in found if size is not None), None)


def _download(item: Wanted) -> Download:
    return Download(package=item.package, name=item.name, url=item.url, sha256=item.sha256, size=item.size)


def _is_there(item: Wanted, store: Store) -> bool:
    return bool(item.sha256) and (store.blobs / item.sha256).is_file()


def _missing(item: Wanted, refused: Mapping[str, str], folders: Sequence[Path]) -> Missing:
    if item.sha256 in refused:
        return Missing(item, refused[item.sha256])
    places = ", ".join(map(str, folders))
    pinned = f"with sha256 {item.sha256}" if item.sha256 else "that the lock pins by SHA-256"
    return Missing(item, f"{item.label}: no index serves it, and no file of that name {pinned} lies in {places}")


def _entry(item: Wanted, store: Store) -> BundleEntry:
    size = (store.blobs / item.sha256).stat().st_size
    return BundleEntry(kind=item.kind, name=item.name, sha256=item.sha256, size=size)
