"""Reads the environment's files: what cannot be read is empty, and whoever needs it says so."""

from __future__ import annotations

import os

METADATA_LIMIT = 4 * 1024 * 1024


def entries(folder: str) -> list[str]:
    """List a folder; one that cannot be read holds nothing that an import could find either."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def read(path: str) -> str:
    """Return a file's text; bytes that are not UTF-8 are replaced."""
    return read_bytes(path, None).decode("utf-8", "replace")


def read_bytes(path: str, limit: int | None = METADATA_LIMIT) -> bytes:
    """Return at most ``limit`` bytes of a file; nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read() if limit is None else file.read(limit)
    except OSError:
        return b""
