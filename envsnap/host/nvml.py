"""NVIDIA's management library: asked in a process of its own, since a driver can hang, and then no caller gets free."""

import contextlib
import subprocess
import sys
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
TIMEOUT_SECONDS = 10.0
"""A healthy driver answers within a second; without persistence mode the first question wakes every GPU."""

_CHILD = Path(__file__).with_name("nvml_child.py")
_LAST_WAIT_SECONDS = 1.0


def ask(*, uuids: bool, timeout: float = TIMEOUT_SECONDS) -> tuple[bytes, str]:
    """Return what NVML tells, all that is known by then as a line of JSON for each step, and how that ended.

    A machine without the library has no NVIDIA GPU, and tells nothing.

    Args:
        uuids: whether to ask for the GPUs' UUIDs, which are private.
        timeout: seconds in which the driver must answer.
    """
    if not _is_installed():
        return b"", ""
    return _run((sys.executable, "-P", str(_CHILD), *(["--uuids"] if uuids else [])), timeout)


def _is_installed() -> bool:
    """Look for the library where pynvml will. Loading it does not talk to the driver."""
    import ctypes

    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def _run(argv: tuple[str, ...], timeout: float) -> tuple[bytes, str]:
    """Run the child; return what it printed, and how it ended where that was before its time or not at all."""
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return late.output or b"", f"the GPU driver did not answer within {timeout:g} s"
    finally:
        end_or_leave(child)
    last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return output, f"NVML ended before it had answered: {last or f'exit code {child.returncode}'}"


def end_or_leave(child: subprocess.Popen[bytes]) -> None:
    """End a process; one that hangs in the driver cannot even be killed, and is left to the system."""
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
    if child.poll() is None:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_LAST_WAIT_SECONDS)
    if child.poll() is None:
        child.returncode = 0  # or its destructor would warn that the process still runs
