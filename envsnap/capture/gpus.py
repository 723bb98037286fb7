"""The GPUs of this machine and their driver, as NVIDIA's management library describes them."""

import contextlib

import msgspec

from envsnap.host import nvml
from envsnap.manifest.hardware import Gpu
from envsnap.manifest.model import Model


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
