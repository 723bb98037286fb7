"""Files from servers into a folder of blobs, side by side."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.errors import BundleError, EnvsnapError, RefusedError
from envsnap.host.index.transfer import Connections, Download, Transfer

WORKERS = 8
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that the server has no longer, or has another of; ``reason`` is for people."""

    download: Download
    reason: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What the threads share."""

    waiting: "queue.SimpleQueue[Download]" = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    refusals: list[Refusal] = field(default_factory=list)
    errors: list[EnvsnapError] = field(default_factory=list)
    done: list[Download] = field(default_factory=list)


def fetch(
    downloads: Iterable[Download],
    folder: Path,
    http: Connections,
    *,
    on_bytes: Callable[[int], object] = lambda _count: None,
    pause: Callable[[float], object] = time.sleep,
) -> tuple[Refusal, ...]:
    """Fetch files into ``folder``, each under its digest.

    A file is there under its digest only once all its bytes have that digest. A kill at any moment leaves parts, which
    the next call continues.

    Args:
        downloads: what to fetch; the largest come first.
        folder: where the files go; it is there.
        http: asks the servers; safe to use from several threads.
        on_bytes: told, from several threads, how many bytes more are there; a negative number, where a part had to be
            dropped.
        pause: waits between two tries.

    Returns:
        What the servers do not have any more, or have another of; all others are there.

    Raises:
        BundleError: a server cannot be reached, breaks off again and again, or a file cannot be written.
    """
    work = _Work()
    distinct = {download.sha256: download for download in downloads}.values()
    for download in sorted(distinct, key=lambda download: (-(download.size or 0), download.name)):
        work.waiting.put(download)

    def serve() -> None:
        with contextlib.suppress(queue.Empty):
            while not work.stop.is_set():
                download = work.waiting.get_nowait()
                _settle(work, download, Transfer(download, folder, http, on_bytes=on_bytes, stop=work.stop), pause)

    _run(work, serve, min(WORKERS, len(distinct)))
    if work.errors:
        raise work.errors[0]
    if len(work.done) < len(distinct):
        raise BundleError("a download ended without an answer: run the command again; it goes on where it stopped")
    return tuple(sorted(work.refusals, key=lambda refusal: (refusal.download.package, refusal.download.name)))


def _settle(work: _Work, download: Download, transfer: Transfer, pause: Callable[[float], object]) -> None:
    try:
        transfer.run(pause)
    except RefusedError as error:
        work.refusals.append(Refusal(download, str(error)))
    except EnvsnapError as error:
        work.errors.append(error)
        work.stop.set()
    work.done.append(download)


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
