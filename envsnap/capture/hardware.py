"""CPU, memory and GPUs of the machine that an environment runs on."""

import contextlib

import msgspec

from envsnap.host import nvml
from envsnap.inside.probe.machine import machine as look_at_machine
from envsnap.manifest.hardware import Cpu, Gpu, Hardware, Limits
from envsnap.manifest.model import Model, convert


class NvmlFacts(Model, frozen=True):
    """Driver version, newest CUDA that the driver serves (``12.4``), GPUs in index order; ``problem`` if cut short."""

    driver: str = ""
    driver_cuda: str = ""
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""


class _Answer(NvmlFacts, frozen=True):
    """What is known so far; the last one is ``complete``."""

    complete: bool = False


def query_gpus(*, uuids: bool = False) -> NvmlFacts:
    """Ask NVML. A machine without the library has no NVIDIA GPU: that is an answer, not an error.

    What was told before a driver failed or stopped to answer is kept; ``problem`` says what is missing.

    Args:
        uuids: whether to ask for the GPUs' UUIDs, which are private.
    """
    output, ending = nvml.ask(uuids=uuids)
    told = _last_answer(output)
    problem = told.problem if told.complete else "; ".join(filter(None, (told.problem, ending)))
    return NvmlFacts(driver=told.driver, driver_cuda=told.driver_cuda, gpus=told.gpus, problem=problem)


def _last_answer(output: bytes) -> _Answer:
    """Return the last sound line; the driver's own library may have printed others."""
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=_Answer)
    return _Answer()


class ProbedMachine(Cpu, frozen=True, kw_only=True):
    """The probe's section ``machine``: as it is seen from inside, in a container with that container's limits."""

    memory_mib: int
    memory_limit_mib: int | None
    limits: Limits | None = None


def this_machine() -> ProbedMachine:
    """Describe the machine that envsnap itself runs on."""
    return convert(look_at_machine(), ProbedMachine, source="the description of this machine")


def capture_hardware(nvml: NvmlFacts, machine: ProbedMachine | None = None) -> Hardware:
    """Describe ``machine``, by default the one that envsnap runs on, and the GPUs that NVML found."""
    seen = machine or this_machine()
    return Hardware(
        cpu=msgspec.convert(seen, Cpu, from_attributes=True),
        memory_mib=seen.memory_mib,
        memory_limit_mib=seen.memory_limit_mib,
        gpus=nvml.gpus,
        limits=seen.limits,
    )
