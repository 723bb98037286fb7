"""What a check of a machine came to: one value a question, and the whole."""

from dataclasses import dataclass
from typing import Literal

from envsnap.manifest.model import Model

CheckStatus = Literal["ok", "warn", "fail"]


class Check(Model, frozen=True):
    """One question about this machine, and its answer.

    Args:
        name: what was looked at.
        status: ``ok``; ``warn`` where the job can run but not as before; ``fail`` where it cannot be rebuilt or rerun.
        found: what is here.
        needed: what the lock asks for; empty where nothing.
        advice: what follows from it and what to do; empty where there is nothing to say.
    """

    name: str
    status: CheckStatus
    found: str
    needed: str = ""
    advice: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """All checks of a machine.

    Args:
        checks: in the order in which they are told.
        lock: the file that was asked about; empty where there was none.
        digest: of the lock's contents; empty where there was none.
    """

    checks: tuple[Check, ...]
    lock: str = ""
    digest: str = ""

    @property
    def status(self) -> CheckStatus:
        """The worst of all checks."""
        found = {check.status for check in self.checks}
        return "fail" if "fail" in found else "warn" if "warn" in found else "ok"
