"""NVIDIA's management library: the only file that calls it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuFacts:
    """One GPU as NVML describes it; memory in MiB, 0 where it has none of its own; ``ecc`` None without ECC."""

    name: str
    compute_capability: str
    memory_mib: int
    mig_profile: str
    ecc: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NvmlFacts:
    """Driver version, newest CUDA that the driver serves (``12.4``), GPUs in index order; ``problem`` if cut short."""

    driver: str = ""
    driver_cuda: str = ""
    gpus: tuple[GpuFacts, ...] = ()
    problem: str = ""


def query() -> NvmlFacts:
    """Ask NVML. A machine without the library has no NVIDIA GPU: that is an answer, not an error."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return NvmlFacts()
    except pynvml.NVMLError as error:
        return NvmlFacts(problem=f"NVML does not start: {error}")
    try:
        return NvmlFacts(
            driver=_text(pynvml.nvmlSystemGetDriverVersion()),
            driver_cuda=_cuda(pynvml.nvmlSystemGetCudaDriverVersion_v2()),
            gpus=tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())),
        )
    except pynvml.NVMLError as error:
        return NvmlFacts(problem=f"NVML answered with an error: {error}")
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _gpu(index: int) -> GpuFacts:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return GpuFacts(
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        compute_capability=f"{major}.{minor}",
        memory_mib=_unless_refused(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle).total // 2**20, 0),
        mig_profile=_unless_refused(lambda: _mig_profile(handle), ""),
        ecc=_unless_refused(lambda: bool(pynvml.nvmlDeviceGetEccMode(handle)[0]), None),
    )


def _unless_refused(question: Callable[[], T], otherwise: T) -> T:
    """Ask what not every GPU, driver or container answers; a lost GPU stays an error."""
    import pynvml

    refusals = (
        pynvml.NVMLError_NotSupported,
        pynvml.NVMLError_FunctionNotFound,
        pynvml.NVMLError_NotFound,
        pynvml.NVMLError_NoPermission,
    )
    try:
        return question()
    except refusals:
        return otherwise


def _mig_profile(handle: object) -> str:
    """Name the MIG profiles where the GPU is partitioned: NVML puts each at the end of a MIG device's name."""
    import pynvml

    current, _pending = pynvml.nvmlDeviceGetMigMode(handle)
    if current != pynvml.NVML_DEVICE_MIG_ENABLE:
        return ""
    slots = range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle))
    names = (_unless_refused(partial(_mig_name, handle, slot), "") for slot in slots)
    return ", ".join(sorted({name.rpartition("MIG ")[2] for name in names if name}))


def _mig_name(handle: object, slot: int) -> str:
    import pynvml

    return _text(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, slot)))


def _cuda(version: int) -> str:
    """Turn NVML's ``1000 * major + 10 * minor`` into ``major.minor``."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
