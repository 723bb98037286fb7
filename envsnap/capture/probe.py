"""Runs the probe in an environment and reads its answer, which is as untrusted as what is installed there."""

from pathlib import Path

from envsnap.capture.answer import quote, read_answer
from envsnap.capture.conda_records import ProbedConda
from envsnap.capture.hardware import ProbedMachine
from envsnap.capture.interpreter import ProbedInterpreter
from envsnap.capture.packages import ProbedPackage, ProbedRoot
from envsnap.environment import Completed, Environment
from envsnap.environment.script import PROBE, run_script
from envsnap.errors import CaptureError
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.model import Model

OLDEST = (3, 8)


class ProbedEnvironment(Model, frozen=True):
    """The probe's document; each section's type stands in the module that describes it."""

    interpreter: ProbedInterpreter
    platform: Platform
    packages: tuple[ProbedPackage, ...]
    conda: tuple[ProbedConda, ...]
    roots: tuple[ProbedRoot, ...] = ()
    system_state: tuple[str, ...] = ()
    accelerator: Accelerator = Accelerator()
    machine: ProbedMachine | None = None


def probe_environment(environment: Environment, folder: Path, answer: Completed | None = None) -> ProbedEnvironment:
    """Run the probe in ``environment``, in the working folder ``folder``; or read its ``answer``, where it ran already.

    Raises:
        CaptureError: the interpreter does not start, is no CPython of 3.8 or newer, or gives no sound answer.
    """
    done = answer if answer is not None else run_script(environment, folder, PROBE)
    probed = read_answer(done, environment.name, PROBE, ProbedEnvironment)
    found = probed.interpreter
    version = tuple(int(part) for part in found.version.split(".")[:2])
    if found.implementation != "cpython" or version < OLDEST:
        raise CaptureError(
            f"the {environment.name} is {quote(found.implementation)} {found.version}; "
            "envsnap captures CPython 3.8 and newer: choose another interpreter or image"
        )
    return probed
