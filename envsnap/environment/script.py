"""Runs one of envsnap's own scripts with an environment's interpreter, which has nothing of envsnap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envsnap import inside
from envsnap.environment.protocol import Environment
from envsnap.errors import CaptureError, CommandNotFoundError
from envsnap.host.execution import Completed, Execution

NEEDED = "envsnap needs CPython 3.8 or newer there: choose another interpreter or image"


@dataclass(frozen=True, slots=True)
class Script:
    """One of the scripts in ``inside/probe``, and how it is run.

    Args:
        file: its name.
        timeout: in seconds.
        arguments: what it is given; a path is made readable inside.
        env: variables that it runs under.
    """

    file: str
    timeout: float
    arguments: tuple[str | Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


PROBE = Script("probe.py", timeout=300.0)
"""The script that every capture runs."""


def run_script(environment: Environment, folder: Path, script: Script) -> Completed:
    """Run a script in ``environment``, in the working folder ``folder``.

    Raises:
        CaptureError: the interpreter does not start.
    """
    execution = Execution(
        argv=(environment.python, inside.START, f"{inside.SCRIPTS}/{script.file}", *map(str, script.arguments)),
        workdir=folder,
        env=script.env,
        read_only=(Path(inside.FOLDER), *(path for path in script.arguments if isinstance(path, Path))),
        timeout=script.timeout,
    )
    try:
        return environment.execute(execution)
    except CommandNotFoundError as error:
        raise CaptureError(f"the {environment.name} cannot be started: {error}. {NEEDED}") from error
