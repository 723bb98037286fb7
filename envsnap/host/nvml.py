"""NVIDIA's management library: the only file that calls it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuFacts:
    """One GPU as NVML describes it; memory in MiB, ``ecc`` None where the GPU has no ECC."""

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
        pynvml.nvmlShutdown()


def _gpu(index: int) -> GpuFacts:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return GpuFacts(
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        compute_capability=f"{major}.{minor}",
        memory_mib=pynvml.nvmlDeviceGetMemoryInfo(handle).total // 2**20,
        mig_profile=_mig_profile(handle),
        ecc=_ecc(handle),
    )


def _mig_profile(handle: object) -> str:
    """Name the MIG profile where the GPU is partitioned: NVML puts it at the end of the MIG device's name."""
    import pynvml

    try:
        current, _pending = pynvml.nvmlDeviceGetMigMode(handle)
        if current != pynvml.NVML_DEVICE_MIG_ENABLE:
            return ""
        name = _text(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 0)))
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound, pynvml.NVMLError_NotFound):
        return ""
    return name.rpartition("MIG ")[2]


def _ecc(handle: object) -> bool | None:
    import pynvml

    try:
        return bool(pynvml.nvmlDeviceGetEccMode(handle)[0])
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None


def _cuda(version: int) -> str:
    """Turn NVML's ``1000 * major + 10 * minor`` into ``major.minor``."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
