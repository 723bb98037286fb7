"""Progress: stages as lines, live output in place, the time that a job has been running."""

import os
import re
import sys
import threading
from collections.abc import Callable

import pytest

from envsnap.cli.progress import TICK_SECONDS, StderrProgress, clock


def test_line_of_live_output_is_shown_in_place_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes next takes its place."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = StderrProgress(quiet=False, verbose=False)
    progress.detail("first")
    progress.detail("second")
    progress.close()

    assert ["  | first", "  | second", ""] == capsys.readouterr().err.split("\r\x1b[2K")


class Clock:
    """A clock that stands still, and the ticks of a progress: each takes place when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._began = False

    def wait(self, ended: threading.Event) -> bool:
        """Wait for the next tick, as ``Event.wait`` does for the next second."""
        if self._began:
            self._done.release()
        self._began = True
        self._due.acquire()
        return ended.is_set()

    def pass_to(self, now: float) -> None:
        """Let a tick take place at this time."""
        self.now = now
        self._due.release()
        self._done.acquire()

    def end(self) -> None:
        """Let the last wait return."""
        self._due.release()


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock that the progress sees, and let it tick."""
    clock = Clock()

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return clock.wait(self) if timeout == TICK_SECONDS else super().wait(timeout)

        def set(self) -> None:
            super().set()
            clock.end()

    monkeypatch.setattr("envsnap.cli.progress.now", lambda: clock.now)
    monkeypatch.setattr("envsnap.cli.progress.Event", Event)
    return clock.pass_to


def test_line_of_a_running_job_shows_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ticks: Callable[[float], None]
) -> None:
    """Also while it prints nothing; the line is gone at the end."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = StderrProgress(quiet=False, verbose=False)

    with progress.running("running the job"):
        ticks(61)
        progress.detail("step 7")
        ticks(3725)
    shown = capsys.readouterr().err

    assert shown.startswith("envsnap: running the job\n")
    assert "  1:01  | step 7\r\x1b[2K" in shown
    assert "  1:02:05  | step 7\r\x1b[2K" in shown
    assert shown.endswith("\r\x1b[2K")


@pytest.mark.parametrize("verbose", [False, True])
def test_log_is_told_now_and_then_that_a_job_runs(
    verbose: bool, capsys: pytest.CaptureFixture[str], ticks: Callable[[float], None]
) -> None:
    """With the last line that is not blank, unless every line was shown; never twice for one time."""
    progress = StderrProgress(quiet=False, verbose=verbose)

    with progress.running("running the job"):
        for seconds in (59, 60, 61):
            ticks(seconds)
        progress.detail("step \x1b7")
        progress.detail(" ")
        for seconds in (300, 301, 600):
            ticks(seconds)
    told = [line for line in capsys.readouterr().err.splitlines() if "running for" in line]

    last = "" if verbose else r"; its last line: step \x1b7"
    assert [
        "envsnap: running for 1:00",
        f"envsnap: running for 5:00{last}",
        f"envsnap: running for 10:00{last}",
    ] == told


def test_quiet_says_nothing_of_a_running_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for warnings, which may come from another thread."""
    monkeypatch.setattr("envsnap.cli.progress.TOLD_SECONDS", (0.0,))
    monkeypatch.setattr("envsnap.cli.progress.TICK_SECONDS", 0.0)
    progress = StderrProgress(quiet=True, verbose=False)

    with progress.running("running the job"):
        thread = threading.Thread(target=progress.warn, args=("it waits",))
        thread.start()
        thread.join()

    assert "envsnap: warning: it waits\n" == capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (59.99, "0:59"), (3599, "59:59"), (90000, "25:00:00")])
def test_time_is_written_as_on_a_clock(seconds: float, text: str) -> None:
    """Whole seconds, rounded down."""
    assert text == clock(seconds)


def test_transfer_is_a_stage_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """No bar; quiet says nothing at all."""
    for quiet in (False, True):
        with StderrProgress(quiet=quiet, verbose=False).transfer("fetching 2 files", 10) as advance:
            advance(10)

    assert ("", "envsnap: fetching 2 files\n") == capsys.readouterr()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_transfer_is_a_bar_on_a_terminal(no_color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone at the end; NO_COLOR leaves it without colours (https://no-color.org)."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with StderrProgress(quiet=False, verbose=False).transfer("fetching 2 files", 2**20) as advance:
            advance(2**19)
        terminal.flush()
        shown = os.read(leader, 100_000).decode()
    os.close(leader)

    assert "fetching 2 files" in shown
    assert "MiB" in shown
    assert bool(no_color) != bool(re.search(r"\x1b\[[0-9;]*3[0-9]", shown))
