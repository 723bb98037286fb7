"""What moves numbers in an environment where no job runs: its frameworks are imported and asked."""

from collections.abc import Mapping
from pathlib import Path

from envsnap.capture.answer import ask
from envsnap.environment import Environment
from envsnap.environment.script import Script
from envsnap.errors import CaptureError
from envsnap.host.carried_files import threadpoolctl_file
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.observation import Observation

TIMEOUT_SECONDS = 120.0


def capture_deep(environment: Environment, folder: Path, variables: Mapping[str, str]) -> Observation | UncapturedFact:
    """Import numpy, scipy, torch, TensorFlow and JAX, as far as they are there, in one process; return what it has.

    Nothing is injected: settings stand as the frameworks and ``variables`` give them. A framework that cannot be
    imported is named among the observation's errors.

    Args:
        environment: where they are imported.
        folder: the working folder, absolute.
        variables: those that move numbers, as the caller has them set.

    Raises:
        MissingToolError: threadpoolctl is not installed beside envsnap.
    """
    script = Script("deep.py", TIMEOUT_SECONDS, (threadpoolctl_file(),), variables)
    try:
        return ask(environment, folder, script, Observation)
    except CaptureError as error:
        return UncapturedFact(what="numerics", reason=str(error))
