"""What every Environment offers: it executes a command; nothing else is asked of it."""

from typing import NamedTuple, Protocol

from envsnap.host.execution import Execution

__all__ = ["Completed", "Environment", "Execution"]


class Completed(NamedTuple):
    """How a command ended: exit code (128 + signal where it was killed), its output and its duration in seconds."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False


class Environment(Protocol):
    """A place where Python runs."""

    @property
    def name(self) -> str:
        """What to call this environment in a message, for example ``container envsnap/digits:3f2a``."""

    @property
    def python(self) -> str:
        """The command that starts this environment's interpreter."""

    def execute(self, execution: Execution) -> Completed:
        """Run one command to its end.

        Raises:
            MissingToolError: the command or the engine is not there.
        """
