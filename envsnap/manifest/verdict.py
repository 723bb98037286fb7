"""Baseline x Outcome x Tolerance: the verdict for each compared item, each output, and the whole."""

from typing import Literal

from envsnap.manifest.model import Model
from envsnap.manifest.tolerance import Bounds

Status = Literal["pass", "fail", "inconclusive", "ignored"]


class Divergence(Model, frozen=True):
    """One place where the rerun parts from the baseline.

    ``where`` is for people: ``step 17``, ``line 3``, ``element [0, 12]``. The difference is ``|rerun - baseline|``.
    """

    where: str
    baseline: str
    rerun: str
    difference: float | None = None


class ItemVerdict(Model, frozen=True):
    """One metric, column or tensor.

    Args:
        name: the metric's or tensor's name within its output; "" for a file that is one array.
        dtype: numpy-style name of the values' type (``float32``, ``bfloat16``, ``int64``, ``text`` ...).
        reason: one sentence; empty only where the item passes bit for bit.
        count: how many values were compared.
        differing: how many values are not bit-identical; ``beyond``: how many lie outside the tolerance.
        first_difference: first value that is not bit-identical; ``first_beyond``: first outside the tolerance.
    """

    name: str
    status: Status
    dtype: str = ""
    reason: str = ""
    bounds: Bounds | None = None
    count: int = 0
    differing: int = 0
    beyond: int = 0
    max_absolute: float | None = None
    max_relative: float | None = None
    first_difference: Divergence | None = None
    first_beyond: Divergence | None = None


class OutputVerdict(Model, frozen=True):
    """One output file. ``bitwise`` says that the two files are the same bytes.

    Args:
        steps: how many steps the rerun has, where it may end earlier than the baseline; then ``bitwise`` is of its own
            length.
        baseline_steps: how many the baseline has.
    """

    path: str
    format: str
    status: Status
    bitwise: bool = False
    reason: str = ""
    items: tuple[ItemVerdict, ...] = ()
    steps: int | None = None
    baseline_steps: int | None = None


class Verdict(Model, frozen=True):
    """The whole: fails if any output fails; passes only if every output passes and at least one was compared."""

    status: Status
    outputs: tuple[OutputVerdict, ...]
    reason: str = ""
    notes: tuple[str, ...] = ()
