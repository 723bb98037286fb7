"""A command that hangs is noticed long before its timeout, and what it waits for is named."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsnap.host import process, silence
from envsnap.host.waiting import Connection, _wait

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")]

SECONDS = 2.0
LISTENING = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    open("port", "w").write(str(server.getsockname()[1]))
    server.accept()
"""
READING = "import socket; socket.create_connection(('127.0.0.1', {port})).recv(1)"
PIPE = "import os; ends = os.pipe(); os.read(ends[0], 1)"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)', 'rank1'])"
LOCK = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
FILE_LOCK = """
import fcntl, os
file = open("lock", "w"); fcntl.flock(file, fcntl.LOCK_EX)
if os.fork():
    os.wait()
else:
    fcntl.flock(open("lock"), fcntl.LOCK_EX)
"""
STOPPED = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        yield port


def run(script: str, folder: Path, *arguments: str) -> list[str]:
    """Run a script until its timeout; return what was told."""
    told: list[str] = []
    command = (sys.executable, "-c", script, *arguments)
    process.run(command, cwd=folder, env={}, timeout=SECONDS, adopt=True, on_silence=told.append)
    return told


@pytest.mark.parametrize(
    ("script", "waits"),
    [
        (LISTENING, r"waits for a connection to 127\.0\.0\.1:{port}"),
        (READING, r"waits for data from 127\.0\.0\.1:{port}"),
        (PIPE, "waits for what another process writes into a pipe"),
        (CHILD, r"import time; time\.sleep\(60\) rank1 \(process \d+\) waits for the end of a sleep"),
        (LOCK, "waits for a lock or another of its threads"),
        (FILE_LOCK, "waits for a lock on a file"),
        (STOPPED, "waits for a signal to go on: it was stopped"),
    ],
    ids=["accept", "recv", "pipe", "child", "lock", "file lock", "stopped"],
)
def test_what_a_command_waits_for_is_named(script: str, waits: str, tmp_path: Path, server: int) -> None:
    """Once after a fourth of the timeout, once after twice that; a process that waits for its child is no cause."""
    first, *later = run(script.format(port=server) if script is READING else script, tmp_path)
    port = (tmp_path / "port").read_text() if script is LISTENING else str(server)

    assert re.match(r"nothing has happened for \d s, no output and no computing: python", first)
    assert re.search(waits.replace("{port}", port), first), first
    assert first.endswith("; ends after 2 s")
    assert len(later) in {1, 2}
    assert 1 == first.count("(process ")


def test_each_rank_is_named(tmp_path: Path) -> None:
    """Up to a number that can be read."""
    script = """
import subprocess, sys, time
ranks = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", f"rank{n}"]) for n in range(7)]
ranks[0].wait()
"""
    first = run(script, tmp_path)[0]

    assert silence._MOST_PROCESSES == first.count("waits for the end of a sleep")
    assert "; 2 more;" in first


@pytest.mark.parametrize(
    "script",
    [
        "while True: pass",
        "import time\nwhile True: print('step', flush=True); time.sleep(0.3)",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])",
    ],
    ids=["computes", "prints", "its child computes"],
)
def test_a_command_that_works_is_left_alone(script: str, tmp_path: Path) -> None:
    """However long it takes."""
    assert [] == run(script, tmp_path)


def test_a_command_without_a_timeout_says_that_nothing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is told of again and again, less and less often."""
    monkeypatch.setattr(silence, "FIRST_SECONDS", 0.3)
    told: list[str] = []

    process.run(("sleep", "3"), cwd=tmp_path, env={}, on_silence=told.append)

    assert len(told) in {3, 4}
    assert all(text.endswith("no `timeout` in envsnap.toml ends it") for text in told)
    assert "sleep 3 (process " in told[0]


@pytest.mark.parametrize(
    ("place", "connections", "told"),
    [
        ("inet_wait_for_connect", [("02", "10.0.0.9:29500")], "waits for an answer of 10.0.0.9:29500, where it tries"),
        ("ep_poll", [("02", "a:1"), ("02", "a:1"), ("02", "b:2")], "an answer of a:1, b:2, where"),
        ("ep_poll", [("01", f"a:{number}") for number in range(5)], "data from a:0, a:1, a:2 and 2 more"),
        ("do_wait", [("02", "a:1")], "an answer of a:1"),
        ("ep_poll", [], "one of its pipes, sockets or timers"),
        ("0", [], "one of its pipes, sockets or timers"),
        ("nfs4_proc_lookup", [], "a disk or a network file system"),
    ],
)
def test_connections_tell_more_than_the_place(place: str, connections: list[tuple[str, str]], told: str) -> None:
    """A connection that nobody answers comes first."""
    assert told in _wait(place, tuple(Connection("l:1", remote, state) for state, remote in connections))


def test_parents_are_passed_over() -> None:
    """What they wait for is told of their children."""
    assert "" == _wait("do_wait", ())
