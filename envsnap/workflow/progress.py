"""What a workflow tells while it works; the command line decides how to show it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """A listener to a workflow: the command line's, which no workflow may import."""

    def stage(self, text: str) -> None:
        """Begin a stage: a few words such as ``locking 29 packages``."""

    def running(self, text: str) -> AbstractContextManager[None]:
        """Begin a stage that may take days, such as a job: while it lasts its time and last line are shown."""

    def detail(self, text: str) -> None:
        """Show a line of live output of the stage: the job's, or the builder's."""

    def warn(self, text: str) -> None:
        """Say what the user should know, though the work goes on."""

    def transfer(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a stage of ``total`` bytes; the function that is given takes the bytes that came, from any thread."""
