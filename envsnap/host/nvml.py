"""NVIDIA's management library: asked in a process of its own, since a driver can hang, and then no caller gets free."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import msgspec

LIBRARY = "libnvidia-ml.so.1"
TIMEOUT_SECONDS = 10.0
"""A healthy driver answers within a second; without persistence mode the first question wakes every GPU."""

_CHILD = Path(__file__).with_name("nvml_child.py")
_LAST_WAIT_SECONDS = 1.0
Count = Annotated[int, msgspec.Meta(ge=0)]


class GpuFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as NVML describes it; what it does not tell is empty, 0 or None.

    Args:
        name: the product's name.
        compute_capability: for example ``9.0``.
        memory_mib: in MiB; 0 where it has none of its own.
        mig_profile: the profiles of its MIG slices, for example ``1g.10gb``.
        ecc: whether error correction is on; None without ECC.
        compute_mode: ``default``, ``exclusive-process``, ``exclusive-thread`` or ``prohibited``.
        power_limit_watts: what is enforced, rounded.
        max_sm_mhz: the highest clock of the multiprocessors, in MHz.
        max_memory_mhz: the highest clock of the memory, in MHz.
        application_sm_mhz: the clock that applications are set to run at, in MHz.
        application_memory_mhz: likewise of the memory.
        uuid: only where it was asked for.
    """

    name: str
    compute_capability: str
    memory_mib: Count = 0
    mig_profile: str = ""
    ecc: bool | None = None
    compute_mode: str = ""
    power_limit_watts: Count | None = None
    max_sm_mhz: Count | None = None
    max_memory_mhz: Count | None = None
    application_sm_mhz: Count | None = None
    application_memory_mhz: Count | None = None
    uuid: str = ""


class NvmlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Driver version, newest CUDA that the driver serves (``12.4``), GPUs in index order; ``problem`` if cut short."""

    driver: str = ""
    driver_cuda: str = ""
    gpus: tuple[GpuFacts, ...] = ()
    problem: str = ""


class _Answer(NvmlFacts, frozen=True, kw_only=True):
    """What is known so far; the last one is ``complete``."""

    complete: bool = False


def query(*, uuids: bool = False, timeout: float = TIMEOUT_SECONDS) -> NvmlFacts:
    """Ask NVML. A machine without the library has no NVIDIA GPU: that is an answer, not an error.

    What was told before a driver failed or stopped to answer is kept; ``problem`` says what is missing.

    Args:
        uuids: whether to ask for the GPUs' UUIDs, which are private.
        timeout: seconds in which the driver must answer.
    """
    if not _is_installed():
        return NvmlFacts()
    output, ending = _ask((sys.executable, "-P", str(_CHILD), *(["--uuids"] if uuids else [])), timeout)
    told = _last_answer(output)
    problem = told.problem if told.complete else "; ".join(filter(None, (told.problem, ending)))
    return NvmlFacts(driver=told.driver, driver_cuda=told.driver_cuda, gpus=told.gpus, problem=problem)


def _is_installed() -> bool:
    """Look for the library where pynvml will. Loading it does not talk to the driver."""
    import ctypes

    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def _ask(argv: tuple[str, ...], timeout: float) -> tuple[bytes, str]:
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


def _last_answer(output: bytes) -> _Answer:
    """Return the last sound line; the driver's own library may have printed others."""
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=_Answer)
    return _Answer()
