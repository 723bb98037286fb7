"""One of envsnap's scripts, as a question to an environment; it is put before what understands the answer is loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from envsnap import inside
from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import CaptureError, CommandNotFoundError
from envsnap.host.execution import NO_VARIABLES

SCRIPTS = Path(inside.__file__).parent / "probe"
NEEDED = "envsnap needs CPython 3.8 or newer there: choose another interpreter or image"


class Question(NamedTuple):
    """One of the scripts in ``inside/probe``, and how it is run.

    Args:
        script: its file name.
        timeout: in seconds.
        arguments: what it is given; a path is made readable inside.
        env: variables that it runs under.
    """

    script: str
    timeout: float
    arguments: tuple[str | Path, ...] = ()
    env: Mapping[str, str] = NO_VARIABLES


PROBE = Question(script="probe.py", timeout=300.0)
"""The script that every capture runs."""


def put(environment: Environment, folder: Path, question: Question) -> Completed:
    """Run the script alone; :func:`envsnap.capture.answer.understand` reads what it said.

    Raises:
        CaptureError: the interpreter does not start.
    """
    execution = Execution(
        argv=(environment.python, str(SCRIPTS / question.script), *map(str, question.arguments)),
        workdir=folder,
        env=question.env,
        read_only=(SCRIPTS, *(path for path in question.arguments if isinstance(path, Path))),
        timeout=question.timeout,
    )
    try:
        return environment.execute(execution)
    except CommandNotFoundError as error:
        raise CaptureError(f"the {environment.name} cannot be started: {error}. {NEEDED}") from error
