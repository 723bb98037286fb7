"""Packages that indexes serve, each proven by the indexes' own pages: less work than to ask uv first, and no less sure.

uv reads the same pages to choose the best file of a release. Which one was installed, its contents alone tell.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from envsnap.errors import CaptureError
from envsnap.lock.artefact_sources import Remote
from envsnap.lock.from_index import lock_listed
from envsnap.manifest.package import Installed, Package

THREADS = 8


class Listed(msgspec.Struct, frozen=True):
    """The proven packages, by name; ``is_whole`` is whether all was read that can list a file of the others."""

    packages: dict[str, Package] = {}
    is_whole: bool = False


def lock_by_pages(packages: Sequence[Installed], remote: Remote) -> Listed:
    """Prove what the indexes' pages can prove.

    Where a page cannot be read no other is asked for, and nothing is said: uv is asked about the rest, and tells why.
    """
    given_up = threading.Event()

    def lock(package: Installed) -> Package | None:
        if given_up.is_set():
            return None
        try:
            return lock_listed(package, remote)
        except CaptureError:
            given_up.set()
            return None

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        found = tuple(zip(packages, pool.map(lock, packages), strict=True))
    is_whole = remote.indexes is not None and remote.indexes.alone and not given_up.is_set()
    return Listed({package.name: locked for package, locked in found if locked is not None}, is_whole)
