"""CPU, memory and GPUs of the machine that an environment runs on."""

import msgspec

from envsnap.host.nvml import NvmlFacts
from envsnap.inside.probe import machine
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.model import convert


class ProbedMachine(Cpu, frozen=True, kw_only=True):
    """The probe's section ``machine``: as it is seen from inside, in a container with that container's limits."""

    memory_mib: int
    memory_limit_mib: int | None


def this_machine() -> ProbedMachine:
    """Describe the machine that envsnap itself runs on."""
    return convert(machine.machine(), ProbedMachine, source="the description of this machine")


def capture_hardware(nvml: NvmlFacts, machine: ProbedMachine | None = None) -> Hardware:
    """Describe ``machine``, by default the one that envsnap runs on, and the GPUs that NVML found."""
    seen = machine or this_machine()
    return Hardware(
        cpu=msgspec.convert(seen, Cpu, from_attributes=True),
        memory_mib=seen.memory_mib,
        memory_limit_mib=seen.memory_limit_mib,
        gpus=tuple(msgspec.convert(gpu, Gpu, from_attributes=True) for gpu in nvml.gpus),
    )
