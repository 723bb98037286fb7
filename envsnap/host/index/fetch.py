"""Files from servers into a folder of blobs, side by side."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.errors import BundleError, EnvsnapError, RefusedError
from envsnap.host.index.file import IndexFile
from envsnap.host.index.http import IndexConnections
from envsnap.host.index.transfer import Transfer

WORKERS = 8
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Work:
    """What the threads share; files are named by their digests."""

    waiting: "queue.SimpleQueue[tuple[str, IndexFile]]" = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    refusals: dict[str, str] = field(default_factory=dict)
    errors: list[EnvsnapError] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


def fetch(
    files: Mapping[str, IndexFile],
    folder: Path,
    http: IndexConnections,
    *,
    on_bytes: Callable[[int], object] = lambda _count: None,
    pause: Callable[[float], object] = time.sleep,
) -> Mapping[str, str]:
    """Fetch files into ``folder``, each under its digest.

    A file is there under its digest only once all its bytes have that digest. A kill at any moment leaves parts, which
    the next call continues.

    Args:
        files: what to fetch, by how a message names it; the largest come first.
        folder: where the files go; it is there.
        http: asks the servers; safe to use from several threads.
        on_bytes: told, from several threads, how many bytes more are there; a negative number, where a part had to be
            dropped.
        pause: waits between two tries.

    Returns:
        By SHA-256 why a server has a file no longer, or has another one; all others are there.

    Raises:
        BundleError: a server cannot be reached, breaks off again and again, or a file cannot be written.
    """
    work = _Work()
    distinct = {file.sha256: (label, file) for label, file in files.items()}.values()
    for label, file in sorted(distinct, key=lambda item: (-(item[1].size or 0), item[1].filename)):
        work.waiting.put((label, file))

    def serve() -> None:
        with contextlib.suppress(queue.Empty):
            while not work.stop.is_set():
                label, file = work.waiting.get_nowait()
                _settle(work, file, Transfer(label, file, folder, http, on_bytes=on_bytes, stop=work.stop), pause)

    _run(work, serve, min(WORKERS, len(distinct)))
    if work.errors:
        raise work.errors[0]
    if len(work.done) < len(distinct):
        raise BundleError("a download ended without an answer: run the command again; it goes on where it stopped")
    return work.refusals


def _settle(work: _Work, file: IndexFile, transfer: Transfer, pause: Callable[[float], object]) -> None:
    try:
        transfer.run(pause)
    except RefusedError as error:
        work.refusals[file.sha256] = str(error)
    except EnvsnapError as error:
        work.errors.append(error)
        work.stop.set()
    work.done.append(file.sha256)


def _run(work: _Work, serve: Callable[[], None], count: int) -> None:
    """Let ``count`` threads work; an interruption, or the first error, ends all of them."""
    # Daemons: a thread that waits for a silent server must not keep an interrupted command alive.
    threads = [threading.Thread(target=serve, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not work.stop.is_set():
                thread.join(0.05)
    finally:
        work.stop.set()
        ends = time.monotonic() + GRACE_SECONDS
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
