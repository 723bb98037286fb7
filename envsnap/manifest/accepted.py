"""New numbers that someone meant: why, when, and what they were before, as a reviewer of the lock reads it."""

from typing import Annotated

import msgspec

from envsnap.manifest.job import RelativePath
from envsnap.manifest.model import Model

MOST_LETTERS = 500
"""Of one text in an entry: a lock is read by people."""
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z", max_length=MOST_LETTERS)]
Reason = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z", max_length=MOST_LETTERS)]
FirstDigest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Revision = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?\Z")]


class AcceptedOutput(Model, frozen=True):
    """An output whose recorded bytes changed.

    Args:
        path: in the project.
        before: SHA-256 of what was recorded, of several runs the first one's; empty where nothing was.
        after: SHA-256 of what is recorded now, likewise; empty where the job no longer declares it.
        summary: what changed, in one line.
    """

    path: RelativePath
    before: FirstDigest = ""
    after: FirstDigest = ""
    summary: Line = ""


class Accepted(Model, frozen=True):
    """Numbers that ``envsnap verify --accept`` took over as the baseline.

    Args:
        reason: why they are meant, in the words of whoever accepted them.
        accepted_at: time in UTC.
        commit: of the code that gave them; empty where there is none.
        outputs: those that changed, at most 20.
        others: how many more changed.
        notes: what verify noted beside the verdict: what differs in code, job, settings and machine.
    """

    reason: Reason
    accepted_at: str
    commit: Revision = ""
    outputs: tuple[AcceptedOutput, ...] = ()
    others: Annotated[int, msgspec.Meta(ge=0)] = 0
    notes: tuple[Line, ...] = ()
