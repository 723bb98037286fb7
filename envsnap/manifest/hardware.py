"""CPU, memory and GPUs, as far as they move numbers."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

import msgspec

from envsnap.manifest.model import Model

Limit = Annotated[int, msgspec.Meta(ge=0, le=2**43)]
"""A lock is a stranger's: no negative one, which an engine would take for none, and none that it cannot count."""


class Cpu(Model, frozen=True):
    """The processor.

    Args:
        vendor: as the processor names itself, for example ``GenuineIntel``; on Arm the implementer's number.
        model: its marketing name; on Arm the number of the part.
        cores: how many logical processors this process may use: by affinity, and by the cgroup's quota rounded up.
        isa: vector extensions: they choose the kernels of BLAS and the frameworks.
        physical_cores: of the whole machine; 0 where it does not say.
        logical_cores: logical processors of the whole machine; 0 in locks of schema 1.0.
        quota: processors' worth of time that the cgroup allows, for example ``1.5``; absent where it sets no limit.
        numa_nodes: how many memory nodes the machine has; 0 where it does not say.
    """

    vendor: str
    model: str
    cores: int
    isa: tuple[str, ...] = ()
    physical_cores: int = 0
    logical_cores: int = 0
    quota: float | None = None
    numa_nodes: int = 0


class Limits(Model, frozen=True):
    """What the system allows a process, where it can end a parallel job: a container is given the same.

    Args:
        shm_mib: size of /dev/shm in MiB, rounded down to 64 MiB above that; absent where there is none.
        memlock_bytes: how much a process may lock in memory, in bytes; absent without a limit.
        open_files: how many files a process may have open; absent without a limit.
        most_open_files: what it may raise that to; absent without a limit.
    """

    shm_mib: Limit | None = None
    memlock_bytes: Limit | None = None
    open_files: Limit | None = None
    most_open_files: Limit | None = None


class Gpu(Model, frozen=True):
    """One GPU as NVML describes it. Its serial number is private and left out.

    Args:
        name: the product's name.
        compute_capability: for example ``9.0``.
        memory_mib: its memory in MiB; 0 where it has none of its own.
        mig_profile: the slice of it that was in use, for example ``1g.10gb``; empty for a whole one.
        ecc: whether error correction is on; absent where it has none.
        compute_mode: ``default``, ``exclusive-process``, ``exclusive-thread`` or ``prohibited``; empty: not told.
        power_limit_watts: the limit in force, rounded to whole watts.
        max_sm_mhz: the highest clock of its multiprocessors, in MHz.
        max_memory_mhz: the highest clock of its memory, in MHz.
        application_sm_mhz: the clock that it is set to run applications at, in MHz; absent where none is set.
        application_memory_mhz: likewise of its memory.
        uuid: private, so empty unless it was asked for.
    """

    name: str
    compute_capability: str
    memory_mib: int
    mig_profile: str = ""
    ecc: bool | None = None
    compute_mode: str = ""
    power_limit_watts: int | None = None
    max_sm_mhz: int | None = None
    max_memory_mhz: int | None = None
    application_sm_mhz: int | None = None
    application_memory_mhz: int | None = None
    uuid: str = ""


class Hardware(Model, frozen=True):
    """CPU, memory and GPUs.

    Args:
        cpu: the processor.
        memory_mib: memory of the machine in MiB, rounded down to 64 MiB, for the kernel's own share differs from
            boot to boot; 0 where it does not say.
        memory_limit_mib: what the cgroup allows of it, in MiB; absent where it sets no limit.
        gpus: those that were visible; none is a fact, not an error.
        limits: absent in locks before schema 1.4.
    """

    cpu: Cpu
    memory_mib: int = 0
    memory_limit_mib: int | None = None
    gpus: tuple[Gpu, ...] = ()
    limits: Limits | None = None


def describe_gpus(gpus: Iterable[Gpu]) -> str:
    """Count them by name, MIG profile and memory."""
    counted = Counter(f"{gpu.name}{f' MIG {gpu.mig_profile}' if gpu.mig_profile else ''}{_memory(gpu)}" for gpu in gpus)
    return ", ".join(f"{count} x {name}" for name, count in counted.items()) or "none"


def _memory(gpu: Gpu) -> str:
    return f" ({gpu.memory_mib / 1024:.0f} GiB)" if gpu.memory_mib else ""
