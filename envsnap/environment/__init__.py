"""The places where Python runs: this machine's interpreters and container images."""

from typing import Protocol

from envsnap.host.execution import Completed, Execution

__all__ = ["Completed", "Environment", "Execution"]


class Environment(Protocol):
    """A place where Python runs: it executes a command; nothing else is asked of it."""

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
