"""Reads the environment's files: what cannot be read is empty, and whoever must say so asks for the reason."""

from __future__ import annotations

import hashlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA_LIMIT = 4 * 1024 * 1024
CHUNK = 64 * 1024


def entries(folder: str) -> list[str]:
    """List a folder; one that cannot be read holds nothing that an import could find either."""
    return listing(folder)[0]


def listing(folder: str) -> tuple[list[str], str]:
    """List a folder, in order of name; or say why it cannot be listed."""
    try:
        return sorted(os.listdir(folder)), ""
    except OSError as error:
        return [], reason(error)


def read(path: str) -> str:
    """Return a file's text; bytes that are not UTF-8 are replaced."""
    return read_bytes(path, None).decode("utf-8", "replace")


def read_bytes(path: str, limit: int | None = METADATA_LIMIT) -> bytes:
    """Return at most ``limit`` bytes of a file; nothing where it cannot be read."""
    return fetch(path, limit)[0]


def fetch(path: str, limit: int | None = METADATA_LIMIT) -> tuple[bytes, str]:
    """Return at most ``limit`` bytes of a file, or why it cannot be read.

    A named pipe in its place is opened without waiting for a writer, and refused.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                return b"", "it is no regular file"
            return _contents(number, limit), ""
        finally:
            os.close(number)
    except OSError as error:
        return b"", reason(error)


def _contents(number: int, limit: int | None) -> bytes:
    """Read to the end: a file of /proc claims to be empty, and a network gives less than was asked for."""
    parts = []
    size = 0
    while limit is None or size < limit:
        part = os.read(number, CHUNK if limit is None else min(CHUNK, limit - size))
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Whether a path lies in one of the folders, by its words alone: the file itself is not touched."""
    return any(path.startswith(folder.rstrip("/") + "/") for folder in folders)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def reason(error: OSError) -> str:
    """Say in the system's words why a file or folder cannot be read."""
    return error.strerror or type(error).__name__
