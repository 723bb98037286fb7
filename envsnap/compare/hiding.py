"""Tolerances that hide: so wide that nothing of a metric could fail, which its reader should know beside a pass."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envsnap.compare.reading import Item, Series
from envsnap.compare.series import floats_of, last_digit, number_dtype
from envsnap.compare.tolerances import bounds_of, choose
from envsnap.compare.wording import quote
from envsnap.manifest.tolerance import Bounds, Tolerance

SAMPLE: Final = 1000
"""Values that are looked at for how many digits they are printed with."""

COARSE: Final = 1e-3
"""A last digit that is more than this share of a number hides changes that matter."""

MOST: Final = 5
"""Metrics of an output that are named."""

UNIX_TIMES: Final = (1e9, 1e10)
"""Seconds since 1970, from 2001 on: a share of such a number is minutes."""


def hiding_notes(
    path: str, reading: Mapping[str, Item], tolerances: Mapping[str, Tolerance], precision: str
) -> Iterator[str]:
    """Name the metrics of an output whose tolerance could not fail; the first few of them.

    ``precision`` is what the user says that printed numbers were; "" where nothing is said.
    """
    found = []
    for name, item in sorted(reading.items()):
        tolerance = choose(name, tolerances).tolerance
        if isinstance(item, Series) and not item.is_step and tolerance not in ("ignore", "exact"):
            floats = floats_of(item)
            values = floats[np.isfinite(floats)]
            reason = _hides(values, bounds_of(tolerance, precision or number_dtype((item,)))) if len(values) else ""
            if precision and not reason:
                reason = _hides_by_digits(values[:SAMPLE].tolist())
            found += [f"{quote(name)} in {path}: {reason}"] if reason else []
    yield from found[:MOST]
    if len(found) > MOST:
        yield f"{len(found) - MOST} more tolerances in {path} are as wide"


def _hides(values: NDArray[np.float64], bounds: Bounds) -> str:
    lowest, highest = float(values.min()), float(values.max())
    largest = max(abs(lowest), abs(highest))
    allowed = bounds.atol + bounds.rtol * largest
    if bounds.atol >= largest > 0:
        return (
            f"atol {bounds.atol:g} is more than any of its values (up to {largest:.2g}), so hardly any change can fail"
        )
    if lowest < highest and allowed >= highest - lowest:
        return f"the tolerance ({allowed:.2g}) is wider than its whole range, {lowest:.6g} to {highest:.6g}"
    if UNIX_TIMES[0] <= largest < UNIX_TIMES[1] and allowed >= 1:
        return (
            f"it looks like a time; the tolerance allows {allowed:.0f} s: ignore it, or give it a tolerance of its own"
        )
    return ""


def _hides_by_digits(values: Sequence[float]) -> str:
    largest = max(map(abs, values), default=0.0)
    digit = last_digit(values)
    is_coarse = 0 < COARSE * largest < digit
    if not is_coarse:
        return ""
    return f"it is printed to {digit:.0e}, and a change of one in its last digit passes: print more digits"
