"""Hashes the files whose names stand on standard input, apart from the interpreter's lock of whoever asks.

It runs as a script in a process of its own and imports nothing of envsnap but its neighbour digests.py. Names are
separated by NUL; the answer is one JSON array with a row a name: ``[errno, hashed]``, where ``hashed`` is null for what
is no regular file.

Usage: python digest_child.py ALGORITHM
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.host.digests import Algorithm, Hashed, hash_regular
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib costs start-up time
    from digests import hash_regular


def main(algorithm: "Algorithm") -> None:
    """Read, hash and answer."""
    names = sys.stdin.buffer.read().split(b"\0")
    json.dump([_row(os.fsdecode(name), algorithm) for name in names], sys.stdout)


def _row(path: str, algorithm: "Algorithm") -> "tuple[int, Hashed | None]":
    try:
        return 0, hash_regular(path, algorithm, lambda _identity: None, lambda: False)
    except OSError as error:
        return error.errno or 0, None


if __name__ == "__main__":
    main(sys.argv[1])  # type: ignore[arg-type]  # digest_process.py gives one
