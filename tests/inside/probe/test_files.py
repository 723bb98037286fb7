"""Files of the environment are read to their end or their limit, and none is waited for."""

import os
from pathlib import Path

import pytest

from envsnap.inside.probe import files


@pytest.mark.parametrize("size", [0, 1, files.CHUNK, files.CHUNK + 1, 3 * files.CHUNK])
@pytest.mark.parametrize("limit", [None, 10, files.CHUNK, 4 * files.CHUNK])
def test_a_file_is_read_to_its_end_or_its_limit(tmp_path: Path, size: int, limit: int | None) -> None:
    """Whatever the size of one read is."""
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)

    assert (data[:limit], "") == files.fetch(str(tmp_path / "file"), limit)


def test_a_file_that_claims_to_be_empty_is_read() -> None:
    """Those of /proc do."""
    assert files.read("/proc/self/status").startswith("Name:")


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A pipe that nobody writes into, a folder, nothing at all."""
    os.mkfifo(tmp_path / "pipe")

    assert (b"", "it is no regular file") == files.fetch(str(tmp_path / "pipe"))
    assert (b"", "it is no regular file") == files.fetch(str(tmp_path))
    assert (b"", "No such file or directory") == files.fetch(str(tmp_path / "gone"))
    assert ([], "Not a directory") == files.listing(str(tmp_path / "pipe"))
