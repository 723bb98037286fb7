"""A process that waits for its question answers it, and ends where there is none."""

import time
from pathlib import Path

from envsnap.host.standby import standby

REVERSE = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]); sys.exit(len(data) % 7)"


def test_it_is_asked_once_it_runs() -> None:
    """A question can be longer than a pipe holds."""
    question = bytes(range(256)) * 1000
    with standby(("-c", REVERSE)) as process:
        done = process.ask(question)

    assert (question[::-1], len(question) % 7) == (done.stdout, done.exit_code)


def test_without_a_question_it_ends(tmp_path: Path) -> None:
    """Nobody kills it: its input ends, and its end is waited for."""
    mark = "import pathlib, sys; sys.stdin.read(); pathlib.Path(sys.argv[1]).touch()"
    with standby(("-c", mark, str(tmp_path / "ended"))):
        pass

    assert (tmp_path / "ended").exists()


def test_one_that_ended_before_it_was_asked_tells_how() -> None:
    """What it said last is for whoever asked."""
    with standby(("-c", "import sys; sys.stdin.close(); sys.exit('broken')")) as process:
        time.sleep(0.5)
        done = process.ask(b"x" * 1_000_000)

    assert (1, b"broken") == (done.exit_code, done.stderr.strip())
