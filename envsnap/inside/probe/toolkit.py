"""Finds nvcc and asks it for its release."""

from __future__ import annotations

import os
import re
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASE = re.compile(r"\brelease (\d+\.\d+)")
DEFAULT = "/usr/local/cuda"
ANSWER_SECONDS = 20
CHUNK = 64 * 1024


def toolkit(environ: Mapping[str, str]) -> str:
    """Return the release of the first nvcc that answers, on PATH, in CUDA_HOME, CUDA_PATH or its usual place.

    One that is built for another machine, fails or is silent is none. "" where there is none.
    """
    return Nvcc(environ).release()


class Nvcc:
    """The question to the first nvcc, which runs while the probe does the rest; the others follow where it fails."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        homes = [environ.get("CUDA_HOME", ""), environ.get("CUDA_PATH", ""), DEFAULT]
        folders = environ.get("PATH", "").split(os.pathsep) + [os.path.join(home, "bin") for home in homes if home]
        places = [os.path.join(folder, "nvcc") for folder in dict.fromkeys(filter(None, folders))]
        self._places = [nvcc for nvcc in places if os.path.isfile(nvcc) and os.access(nvcc, os.X_OK)]
        self._first = _ask(self._places[0]) if self._places else None

    def release(self) -> str:
        """Wait for the answer, and return it; "" where no nvcc has one."""
        release = _answer(self._first)
        for nvcc in self._places[1:]:
            release = release or _answer(_ask(nvcc))
        return release


def _ask(nvcc: str) -> tuple[int, int] | None:
    """Start it, and return its number and its output; by hand: ``subprocess`` takes longer to import than all else."""
    if not hasattr(os, "posix_spawn"):
        return None  # Python 3.7, which whoever reads the answer refuses
    reader, writer = os.pipe()
    try:
        return os.posix_spawn(nvcc, (nvcc, "--version"), os.environ, file_actions=_streams(writer)), reader
    except OSError:
        os.close(reader)
        return None
    finally:
        os.close(writer)


def _answer(asked: tuple[int, int] | None) -> str:
    if asked is None:
        return ""
    child, reader = asked
    deadline = time.monotonic() + ANSWER_SECONDS
    with open(reader, "rb") as pipe:
        match = RELEASE.search(_read(pipe.fileno(), deadline).decode("utf-8", "replace"))
    return match.group(1) if _end(child, deadline) == 0 and match else ""


def _streams(writer: int) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writer, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]


def _read(pipe: int, deadline: float) -> bytes:
    """Read to the end, or what there is at the deadline."""
    said = b""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(pipe, CHUNK)
        if not part:
            return said
        said = (said + part)[-CHUNK:]
    return said


def _end(child: int, deadline: float) -> int:
    """Return how a process ended; one that has not at the deadline is killed."""
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
