"""The digest of one regular file, and what identifies the state of the file that it was made of."""

import hashlib
import os
import stat
from collections.abc import Callable
from typing import Literal, NamedTuple

Algorithm = Literal["sha256", "md5"]

BLOCK_BYTES = 2**20
"""Read at once: the interpreter's lock is given back while a block is read and while it is hashed."""

RACY_NANOSECONDS = 2 * 10**9
"""How much older than reading it a file's times must be. Git's rule against files that change in the same tick of
the clock, https://git-scm.com/docs/racy-git, with the coarsest clock of a file system: two seconds."""
_CONSTRUCTORS = {"sha256": hashlib.sha256, "md5": hashlib.md5}


class Identity(NamedTuple):
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


class Hashed(NamedTuple):
    """A digest in hexadecimal, the bytes that it covers, and the file; None where it changed while it was read."""

    digest: str
    size: int
    identity: Identity | None


def hash_regular(
    path: str, algorithm: Algorithm, known: Callable[[Identity], str | None], is_stopped: Callable[[], bool]
) -> Hashed | None:
    """Hash one file; None where ``path`` is no regular file, which is not waited for.

    Args:
        path: the file; a link is followed.
        algorithm: of the digest.
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
        before = identify(status)
        digest = known(before)
        if digest is not None:
            return Hashed(digest, before.size, before)
        digest, size = _read(descriptor, before.size, algorithm, is_stopped)
        after = identify(os.fstat(descriptor))
        return Hashed(digest, size, after if after == before and size == after.size else None)
    finally:
        os.close(descriptor)


def _read(descriptor: int, expected: int, algorithm: Algorithm, is_stopped: Callable[[], bool]) -> tuple[str, int]:
    """Return the digest and the bytes read; a small file is read by one call, without a buffer of its own."""
    if expected < BLOCK_BYTES:
        block = os.read(descriptor, expected + 1)
        digest = _CONSTRUCTORS[algorithm](block, usedforsecurity=False)
        size = len(block) if len(block) == expected else len(block) + _feed(descriptor, digest, is_stopped)
    else:
        digest = _CONSTRUCTORS[algorithm](usedforsecurity=False)
        size = _feed(descriptor, digest, is_stopped)
    return digest.hexdigest(), size


def _feed(descriptor: int, digest: "hashlib._Hash", is_stopped: Callable[[], bool]) -> int:
    buffer = memoryview(bytearray(BLOCK_BYTES))
    size = 0
    while (count := os.readv(descriptor, [buffer])) and not is_stopped():
        digest.update(buffer[:count])
        size += count
    return size


def identify(status: os.stat_result) -> Identity:
    """Return what of a file's status tells its state."""
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
