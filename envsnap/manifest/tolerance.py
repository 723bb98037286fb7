"""Tolerances as a user writes them in envsnap.toml."""

from typing import Literal

from envsnap.manifest.model import Model


class Bounds(Model, frozen=True):
    """An explicit tolerance: ``|rerun - baseline| <= atol + rtol * |baseline|``.

    Args:
        atol: how far apart two values may lie.
        rtol: the same, as a share of the baseline.
        equal_nan: whether a NaN equals a NaN in the same place; otherwise NaN equals nothing.
    """

    atol: float = 0.0
    rtol: float = 0.0
    equal_nan: bool = False


Tolerance = Bounds | Literal["auto", "exact", "ignore"]
"""``auto`` follows the values' dtype (torch.testing's table), ``exact`` wants equal values,
``ignore`` leaves a metric out and says so in the report."""
