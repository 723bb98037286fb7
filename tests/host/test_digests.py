"""Hashing in another process tells what hashing in this one does, and a process that fails is an error."""

import os
from pathlib import Path

import pytest

from envsnap.errors import CaptureError
from envsnap.host import digests
from envsnap.host.digests import hash_apart, hash_regular

pytestmark = pytest.mark.processes


def test_both_tell_the_same(tmp_path: Path) -> None:
    """Digest, size and state of the file."""
    path = tmp_path / "data"
    path.write_bytes(b"data")

    here = hash_regular(str(path), lambda _: None, lambda: False)

    assert [(0, here), (2, None), (0, None)] == hash_apart([str(path), str(tmp_path / "gone"), os.devnull])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise SystemExit('no memory')", "exit code 1: no memory"),
        ("print('[]')", "exit code 0: it said nothing"),
        ("print('[[0, 1]]')", "exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "exit code 137"),
    ],
)
def test_a_process_without_a_sound_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    """Never a digest that is missing."""
    child = tmp_path / "child.py"
    child.write_text(script)
    monkeypatch.setattr(digests, "__file__", str(child))

    with pytest.raises(CaptureError, match=f"the inputs could not be hashed: the process ended with {said}"):
        hash_apart([str(child)])
