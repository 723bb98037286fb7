"""SHA-256, loaded where it is first needed: a probe that knows every distribution already hashes nothing."""

from __future__ import annotations


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
