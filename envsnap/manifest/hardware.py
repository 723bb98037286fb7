"""CPU and GPUs, as far as they move numbers."""

from envsnap.manifest.model import Model


class Cpu(Model, frozen=True):
    """The processor.

    Args:
        vendor: as the processor names itself, for example ``GenuineIntel``.
        model: its marketing name.
        cores: how many logical processors this process may use.
        isa: vector extensions: they choose the kernels of BLAS and the frameworks.
    """

    vendor: str
    model: str
    cores: int
    isa: tuple[str, ...] = ()


class Gpu(Model, frozen=True):
    """One GPU as NVML describes it. Its UUID and serial number are private and left out.

    Args:
        name: the product's name.
        compute_capability: for example ``9.0``.
        memory_mib: its memory in MiB.
        mig_profile: the slice of it that was in use, for example ``1g.10gb``; empty for a whole one.
        ecc: whether error correction is on; absent where it has none.
    """

    name: str
    compute_capability: str
    memory_mib: int
    mig_profile: str = ""
    ecc: bool | None = None


class Hardware(Model, frozen=True):
    """CPU and GPUs.

    Args:
        cpu: the processor.
        gpus: those that were visible; none is a fact, not an error.
    """

    cpu: Cpu
    gpus: tuple[Gpu, ...] = ()
