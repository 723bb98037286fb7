"""The digest of a regular file, and the state of the file that it was made of; many small files in another process.

As a script it is that process: ``python digests.py`` hashes the files whose names stand on standard input,
separated by NUL, and answers with one JSON array of a :data:`Row` a name. It imports nothing of envsnap for that, nor
msgspec: its values are named tuples, which ``json`` writes as rows.
"""

import contextlib
import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

BLOCK_BYTES = 2**20
"""Read at once: the interpreter's lock is given back while a block is read and while it is hashed."""

RACY_NANOSECONDS = 2 * 10**9
"""How much older than reading it a file's times must be. Git's rule against files that change in the same tick of
the clock, https://git-scm.com/docs/racy-git, with the coarsest clock of a file system: two seconds."""


class FileState(NamedTuple):
    """A file as the kernel knows it; a write, a replacement or a change of its times changes one of these.

    ``changed`` is the time of the inode's change, which no call can set: https://man7.org/linux/man-pages/man7/inode.7.html.

    Args:
        device: the file system.
        inode: the file in it.
        size: in bytes.
        modified: when its contents were written, in nanoseconds.
        changed: when anything of it was changed, in nanoseconds.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int


class FileDigest(NamedTuple):
    """A SHA-256 in hexadecimal, the bytes that it covers, and the file; None where it changed while it was read."""

    digest: str
    size: int
    state: FileState | None


Row = tuple[int, FileDigest | None]
"""A file's answer: errno, 0 where it could be read, and its digest; None for what is no regular file either."""


def hash_regular(
    path: str, known: Callable[[FileState], str | None], is_stopped: Callable[[], bool]
) -> FileDigest | None:
    """Hash one file; None where ``path`` is no regular file, which is not waited for.

    Args:
        path: the file; a link is followed.
        known: gives the digest of a file that needs not be read, or None.
        is_stopped: whether nobody waits for the answer any more; asked after each block.

    Raises:
        OSError: it cannot be read.
    """
    # A FIFO without a writer would hold an open that blocks: https://man7.org/linux/man-pages/man7/fifo.7.html
    # Opening also makes a network file system ask its server again: https://man7.org/linux/man-pages/man5/nfs.5.html
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        before = file_state(status)
        digest = known(before)
        if digest is not None:
            return FileDigest(digest, before.size, before)
        digest, size = _read(descriptor, before.size, is_stopped)
        after = file_state(os.fstat(descriptor))
        return FileDigest(digest, size, after if after == before and size == after.size else None)
    finally:
        os.close(descriptor)


def _read(descriptor: int, expected: int, is_stopped: Callable[[], bool]) -> tuple[str, int]:
    """Return the digest and the bytes read; a small file is read by one call, without a buffer of its own."""
    if expected < BLOCK_BYTES:
        block = os.read(descriptor, expected + 1)
        digest = hashlib.sha256(block)
        size = len(block) if len(block) == expected else len(block) + _feed(descriptor, digest, is_stopped)
    else:
        digest = hashlib.sha256()
        size = _feed(descriptor, digest, is_stopped)
    return digest.hexdigest(), size


def _feed(descriptor: int, digest: "hashlib._Hash", is_stopped: Callable[[], bool]) -> int:
    buffer = memoryview(bytearray(BLOCK_BYTES))
    size = 0
    while (count := os.readv(descriptor, [buffer])) and not is_stopped():
        digest.update(buffer[:count])
        size += count
    return size


def file_state(status: os.stat_result) -> FileState:
    """Return what of a file's status tells its state."""
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def hash_apart(paths: Sequence[str]) -> list[Row]:
    """Hash files in another process, in the order given.

    A small file is five short calls, at each of which threads hand the interpreter's lock to one another: two threads
    take longer than one. Of 20,000 files of 10 KB on two idle cores, this takes 0.8 of the threads' time.
    concurrent.futures' processes would take 1.1 to 1.6 of this: each imports the main module anew.

    Raises:
        CaptureError: that process gave no sound answer.
    """
    from pathlib import Path

    import msgspec

    from envsnap.errors import CaptureError
    from envsnap.host.process import run

    names = b"\0".join(map(os.fsencode, paths))
    done = run((sys.executable, "-I", "-S", __file__), cwd=Path("/"), env=os.environ, stdin=names)
    with contextlib.suppress(msgspec.DecodeError):
        rows = msgspec.json.decode(done.stdout, type=list[Row])
        if len(rows) == len(paths):
            return rows
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
    raise CaptureError(f"the inputs could not be hashed: the process ended with exit code {done.exit_code}: {said}")


def _main() -> None:
    names = sys.stdin.buffer.read().split(b"\0")
    sys.stdout.write(json.dumps([_row(os.fsdecode(name)) for name in names]))


def _row(path: str) -> Row:
    try:
        return 0, hash_regular(path, lambda _state: None, lambda: False)
    except OSError as error:
        return error.errno or 0, None


if __name__ == "__main__":
    _main()
