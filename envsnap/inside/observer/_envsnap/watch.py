"""What is kept of one observed process while it runs: what watches it, and what went wrong with that."""

from __future__ import annotations

from .files import OpenedFiles
from .frameworks import EarlySettings
from .generators import Generators
from .places import Places

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Value = Any

MOST_ERRORS = 100


class Errors:
    """What went wrong inside the observer: told in the report, never to the job."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def attempt(self, what: str, action: Callable[[], Value], default: Value = None) -> Value:
        """Return the action's value, or ``default`` after recording why there is none."""
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - a job must never fail because it is observed
            if len(self.messages) < MOST_ERRORS:
                self.messages.append("{}: {}: {}".format(what, type(error).__name__, error))
            return default


class Watch:
    """What watches this process from its start on; each is None where it could not be set up."""

    def __init__(self) -> None:
        self.places: Places | None = None
        self.files: OpenedFiles | None = None
        self.generators: Generators | None = None
        self.starts = EarlySettings()
