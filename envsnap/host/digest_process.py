"""Many small files hashed in a process of their own.

A small file is five short calls, at each of which Python's threads hand the interpreter's lock to one another: two
threads take longer than one. https://docs.python.org/3/glossary.html#term-global-interpreter-lock
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from envsnap.errors import CaptureError
from envsnap.host.digests import Algorithm, Hashed
from envsnap.host.process import run

_CHILD = Path(__file__).with_name("digest_child.py")


class HashedApart(msgspec.Struct, frozen=True, array_like=True):
    """One file's answer: ``errno`` where it cannot be read; ``hashed`` is None for what is no regular file either."""

    errno: int
    hashed: Hashed | None


def hash_apart(paths: Sequence[str], algorithm: Algorithm) -> list[HashedApart]:
    """Hash files in another process, in the order given.

    Raises:
        CaptureError: that process gave no sound answer.
    """
    names = b"\0".join(map(os.fsencode, paths))
    command = (sys.executable, "-I", "-S", str(_CHILD), algorithm)
    done = run(command, cwd=Path("/"), env=os.environ, stdin=names)
    try:
        rows = msgspec.json.decode(done.stdout, type=list[HashedApart])
    except msgspec.DecodeError as error:
        raise CaptureError(f"the inputs could not be hashed: {_reason(done.exit_code, done.stderr)}") from error
    if len(rows) != len(paths):
        raise CaptureError(f"the inputs could not be hashed: {_reason(done.exit_code, done.stderr)}")
    return rows


def _reason(exit_code: int, stderr: bytes) -> str:
    last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"{_CHILD.name} ended with exit code {exit_code}: {last or 'it said nothing'}"
