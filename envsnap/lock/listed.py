"""Packages that indexes serve, each proven by the indexes' own pages: less work than to ask uv first, and no less sure.

uv reads the same pages to choose the best file of a release. Which one was installed, its contents alone tell.

Reading pages keeps the interpreter's lock, so half of a long list goes to a process of its own:
https://docs.python.org/3/glossary.html#term-global-interpreter-lock.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from envsnap.errors import CaptureError
from envsnap.host.index_config import IndexConfig
from envsnap.host.standby import Standby, standby
from envsnap.lock import LISTED_CHILD
from envsnap.lock.artefact_sources import Remote, Sources
from envsnap.lock.from_index import lock_listed
from envsnap.manifest.package import Installed, Package

THREADS = 8
WORTH_A_PROCESS = 64
"""Fewer packages are read before another process has started."""


class Question(msgspec.Struct, frozen=True):
    """What the other process is asked; it comes on standard input, for the URLs hold logins."""

    config: IndexConfig
    urls: tuple[str, ...]
    wheels: Path
    packages: tuple[Installed, ...]


class Listed(msgspec.Struct, frozen=True):
    """The proven packages, by name; ``is_whole`` is whether all was read that can list a file of the others."""

    packages: dict[str, Package] = {}
    is_whole: bool = False


def lock_by_pages(packages: Sequence[Installed], sources: Sources) -> Listed:
    """Prove what the indexes' pages can prove.

    Where a page cannot be read no other is asked for, and nothing is said: uv is asked about the rest, and tells why.

    Raises:
        CaptureError: the other process failed.
    """
    if sources.config is None or sources.indexes is None:
        return Listed()
    if len(packages) < WORTH_A_PROCESS or not sources.indexes.is_sole or (os.cpu_count() or 1) == 1:
        return read_pages(packages, sources.remote)
    question = Question(sources.config, sources.indexes.urls, sources.wheels, tuple(packages[::2]))
    with ThreadPoolExecutor(max_workers=1) as pool:
        asking = pool.submit(_ask, question, sources.standby)
        here = read_pages(packages[1::2], sources.remote)
        there = asking.result()
    return Listed(here.packages | there.packages, here.is_whole and there.is_whole)


def read_pages(packages: Sequence[Installed], remote: Remote) -> Listed:
    """Prove what the pages can prove, in this process."""
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


def _ask(question: Question, waiting: Standby | None) -> Listed:
    data = msgspec.json.encode(question, enc_hook=str)
    if waiting is None:
        with standby(LISTED_CHILD) as started:
            done = started.ask(data)
    else:
        done = waiting.ask(data)
    try:
        return msgspec.json.decode(done.stdout, type=Listed)
    except msgspec.DecodeError as error:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
        said = f"{' '.join(LISTED_CHILD)} ended with {done.exit_code}: {last}"
        raise CaptureError(f"the indexes' pages could not be read: {said}") from error
