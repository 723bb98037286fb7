"""How values, tolerances and gaps are put into words; a reader should know from one sentence where to look."""

import math
from decimal import Decimal

from envsnap.compare.reading import EmptyContainer, Scalar
from envsnap.manifest.tolerance import Bounds

MAX_SHOWN = 60


def show(value: Scalar) -> str:
    """Write one value: text is quoted, escaped and cut, a number keeps all its digits."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, EmptyContainer):
        return value.value
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, Decimal):
        return f"{value}".lower().replace("e+", "e")
    return "null" if value is None else str(value).lower()


def quote(text: str) -> str:
    """Quote text from an output: what cannot be printed is escaped, what is long is cut."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")


def describe_bounds(bounds: Bounds) -> str:
    """Write a tolerance as in ``rtol 1.3e-06, atol 1e-05``, or ``exact``."""
    if bounds.atol == 0 and bounds.rtol == 0:
        return "exact"
    return f"rtol {bounds.rtol:g}, atol {bounds.atol:g}"


def at(where: str) -> str:
    """Write a place as the end of a clause; a lone value needs none."""
    return f" at {where}" if where else ""
