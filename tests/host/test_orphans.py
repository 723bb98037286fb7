"""What a command leaves behind is ended, wherever it went."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsnap.host import process
from envsnap.host.process import run

DAEMON = """
import os, sys, time
if os.fork():
    time.sleep(0.3)
    sys.exit()
os.setsid()
if os.fork():
    os._exit(0)
os.close(1), os.close(2)
open("pid", "w").write(str(os.getpid()))
while True:
    time.sleep(0.05)
    open("output", "w").write("late")
"""


def is_running(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def run_daemon(folder: Path, code: str = DAEMON) -> int:
    """Run a script that leaves a daemon; return the daemon's number."""
    run((sys.executable, "-c", code), cwd=folder, env={}, adopt=True)
    return int((folder / "pid").read_text())


def test_a_daemon_in_a_session_of_its_own_is_ended(tmp_path: Path) -> None:
    """It left the command's group and session, and writes no more once the command has ended."""
    assert not is_running(run_daemon(tmp_path))

    (tmp_path / "output").write_text("early")
    time.sleep(0.2)
    assert "early" == (tmp_path / "output").read_text()


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time of grace."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.3)

    assert not is_running(run_daemon(tmp_path, "import signal\nsignal.signal(15, signal.SIG_IGN)\n" + DAEMON))


def test_processes_that_were_there_before_are_left_alone(tmp_path: Path) -> None:
    """They are somebody else's."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        run_daemon(tmp_path)

        assert other.poll() is None
        other.kill()


def test_orphans_are_ended_at_a_timeout(tmp_path: Path) -> None:
    """The command still runs then, and so does its daemon."""
    waits = DAEMON.replace("time.sleep(0.3)", "time.sleep(60)")

    ended = run((sys.executable, "-c", waits), cwd=tmp_path, env={}, timeout=1.0, adopt=True)

    assert ended.timed_out
    assert not is_running(int((tmp_path / "pid").read_text()))
