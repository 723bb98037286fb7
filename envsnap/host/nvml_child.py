"""Asks NVML and prints, after each step, all that is known so far as one line of JSON: the only file that calls it.

It runs as a script in a process of its own and imports nothing of envsnap; envsnap/capture/hardware.py reads its lines.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pynvml

T = TypeVar("T")

COMPUTE_MODES = {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive-process"}
"""``nvmlComputeMode_t``."""

REFUSALS = (
    pynvml.NVMLError_NotSupported,
    pynvml.NVMLError_FunctionNotFound,
    pynvml.NVMLError_NotFound,
    pynvml.NVMLError_NoPermission,
    pynvml.NVMLError_InvalidArgument,
)
"""Not every GPU, driver or container answers every question."""


def main() -> None:
    """Print what is known, more with each line."""
    for told in answers(uuids="--uuids" in sys.argv):
        print(json.dumps(told), flush=True)  # noqa: T201  printing is how a child answers


def answers(*, uuids: bool) -> Iterator[dict[str, Any]]:
    """Yield all that is known so far, until it is complete."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        yield {"complete": True}
        return
    except pynvml.NVMLError as error:
        yield {"problem": f"NVML does not start: {error}", "complete": True}
        return
    told: dict[str, Any] = {}
    problems: list[str] = []
    for found in _steps(problems, uuids=uuids):
        told |= found
        yield told | {"problem": "; ".join(problems)}
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlShutdown()
    yield told | {"problem": "; ".join(problems), "complete": True}


def _steps(problems: list[str], *, uuids: bool) -> Iterator[dict[str, Any]]:
    """Yield fact after fact; those that are answered with an error become ``problems``."""
    driver = attempt("driver version", pynvml.nvmlSystemGetDriverVersion, problems)
    yield {"driver": _text(driver or "")}
    newest = attempt("CUDA of the driver", pynvml.nvmlSystemGetCudaDriverVersion_v2, problems)
    yield {"driver-cuda": cuda(newest) if newest else ""}
    gpus: list[dict[str, Any]] = []
    for index in range(attempt("number of GPUs", pynvml.nvmlDeviceGetCount, problems) or 0):
        found = gpu(index, problems, uuids=uuids)
        gpus += [found] if found else []
        yield {"gpus": gpus}


def gpu(index: int, problems: list[str], *, uuids: bool) -> dict[str, Any] | None:
    """Describe one GPU as far as it answers; None where not even its name is told."""
    found: dict[str, Any] = {}
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        name = _text(pynvml.nvmlDeviceGetName(handle))
        found |= {"name": name, "compute-capability": f"{major}.{minor}", "memory-mib": 0}
        for key, what, question in _questions(handle, uuids=uuids):
            value = attempt(f"{what} of GPU {index}", question, problems)
            found |= {} if value is None else {key: value}
    except pynvml.NVMLError as error:
        problems.append(f"GPU {index}: {error}")
    return found or None


def attempt(what: str, question: Callable[[], T], problems: list[str]) -> T | None:
    """Ask; None for a refusal or an error, which is noted; a lost GPU answers nothing more, so that is raised."""
    try:
        return question()
    except REFUSALS:
        return None
    except pynvml.NVMLError_GpuIsLost:
        raise
    except pynvml.NVMLError as error:
        problems.append(f"{what}: {error}")
        return None


def _questions(handle: object, *, uuids: bool) -> tuple[tuple[str, str, Callable[[], Any]], ...]:
    """Return ``(key, what it is called, question)`` for each fact that a GPU may refuse."""
    sm, memory = pynvml.NVML_CLOCK_SM, pynvml.NVML_CLOCK_MEM
    asked: tuple[tuple[str, str, Callable[[], Any]], ...] = (
        ("memory-mib", "memory", lambda: pynvml.nvmlDeviceGetMemoryInfo(handle).total // 2**20),
        ("mig-profile", "MIG profile", lambda: mig_profile(handle)),
        ("ecc", "ECC mode", lambda: bool(pynvml.nvmlDeviceGetEccMode(handle)[0])),
        ("compute-mode", "compute mode", lambda: COMPUTE_MODES.get(pynvml.nvmlDeviceGetComputeMode(handle))),
        ("power-limit-watts", "power limit", lambda: round(pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)),
        ("max-sm-mhz", "clock", lambda: pynvml.nvmlDeviceGetMaxClockInfo(handle, sm)),
        ("max-memory-mhz", "memory clock", lambda: pynvml.nvmlDeviceGetMaxClockInfo(handle, memory)),
        ("application-sm-mhz", "set clock", lambda: pynvml.nvmlDeviceGetApplicationsClock(handle, sm)),
        ("application-memory-mhz", "set memory clock", lambda: pynvml.nvmlDeviceGetApplicationsClock(handle, memory)),
    )
    uuid = ("uuid", "UUID", lambda: _text(pynvml.nvmlDeviceGetUUID(handle)))
    return (*asked, uuid) if uuids else asked


def mig_profile(handle: object) -> str | None:
    """Name the MIG profiles where the GPU is partitioned: NVML puts each at the end of a MIG device's name."""
    current, _pending = pynvml.nvmlDeviceGetMigMode(handle)
    if current != pynvml.NVML_DEVICE_MIG_ENABLE:
        return None
    slots = range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle))
    names = (_mig_name(handle, slot) for slot in slots)
    return ", ".join(sorted({name.rpartition("MIG ")[2] for name in names if name}))


def _mig_name(handle: object, slot: int) -> str:
    """Return the name of the slice in a slot; empty where there is none, or it may not be seen."""
    try:
        return _text(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, slot)))
    except REFUSALS:
        return ""


def cuda(version: int) -> str:
    """Turn NVML's ``1000 * major + 10 * minor`` into ``major.minor``."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


if __name__ == "__main__":
    main()
