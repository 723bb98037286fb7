"""What several configured indexes say of packages that a specification names: which serves each, what looks wrong."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from msgspec.structs import replace

from envsnap.host.index.uv import UvFile
from envsnap.lock.indexes import Indexes, ask_about
from envsnap.lock.locked import Locked, in_order
from envsnap.manifest.package import Package

THREADS = 8
INDEXED = frozenset(["index-verified", "index-inferred"])


class _Release(NamedTuple):
    name: str
    version: str

    @property
    def label(self) -> str:
        return f"{self.name}=={self.version}"


def ask_indexes(packages: Sequence[Package], indexes: Indexes | None) -> Locked:
    """Pin the index that serves each package, and find names that two of them serve and releases that were withdrawn.

    A single index is not asked: uv asked it, or a lock makes it unnecessary. A package whose lock names an index that
    is not configured here is left as it is.

    Raises:
        CaptureError: an index is down, or answers nonsense.
    """
    if indexes is None or not indexes.several:
        return in_order(packages, ())
    places = {index.rstrip("/") for index in indexes.clean_urls}
    asked = [package for package in packages if _comes_from(package, places)]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        known = dict(
            zip((package.name for package in asked), pool.map(lambda p: _served(p, indexes), asked), strict=True)
        )
    releases = [_Release(package.name, package.installed_version) for package in asked]
    findings = (finding for finding in ask_about(releases, indexes).values() if finding is not None)
    return in_order((known.get(package.name, package) for package in packages), findings)


def _comes_from(package: Package, places: set[str]) -> bool:
    is_indexed = package.installed.evidence in INDEXED and bool(package.wheels)
    return is_indexed and (package.index is None or package.index.rstrip("/") in places)


def _served(package: Package, indexes: Indexes) -> Package:
    wheel = package.wheels[0]
    file = UvFile(hashes=wheel.hashes, url=wheel.url)
    for served in indexes.read(package.name):
        listed = served.find(file)
        if listed is not None:
            index = served.index if served.index.startswith(("https://", "http://")) else package.index
            return replace(package, index=index, installed=replace(package.installed, yanked=listed.yanked))
    return package
