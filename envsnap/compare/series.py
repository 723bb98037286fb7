"""Compares two series of values read from text: where their steps part, and how far their values are apart."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from envsnap.compare.columns import common_start
from envsnap.compare.reading import MISSING, EmptyContainer, Scalar, Series, Tensor
from envsnap.compare.tally import Tally
from envsnap.compare.tensors import BLOCK, tally_tensors
from envsnap.compare.wording import quote
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Bounds

ROUNDED: Final = 1.0001
"""A unit of the last digit, widened for its own rounding."""


def dtype_of(series: Iterable[Series]) -> str:
    """Name the type of all values together; what stands for a missing value says nothing.

    JSON numbers have no dtype: when every float is a float32 written out, they are taken as float32, else as float64.
    """
    kinds = {kind for one in series for kind in _kinds(one.values)}
    if not kinds:
        return "null"
    if kinds <= {int, float}:
        return number_dtype(series)
    return "bool" if kinds == {bool} else "text" if kinds == {str} else "mixed"


def _kinds(values: Sequence[Scalar]) -> set[type]:
    if isinstance(values, array):
        return {float if values.typecode == "d" else int} if values else set()
    return {type(value) for value in values if not _is_missing(value)}


def number_dtype(series: Iterable[Series]) -> str:
    """Name the type of the numbers alone, whatever stands beside them."""
    floats = [found for one in series if len(found := floats_of(one))]
    if not floats:
        return "int"
    return "float32" if all(map(_is_narrow, floats)) else "float64"


def floats_of(series: Series) -> NDArray[np.float64]:
    """Return the floats of a series, without whatever stands beside them."""
    values = series.values
    if isinstance(values, array):
        return np.frombuffer(values) if values.typecode == "d" else np.empty(0)
    return np.array([value for value in values if isinstance(value, float)], dtype=np.float64)


def numbers_of(series: Series) -> NDArray[np.float64] | None:
    """Return the numbers of a series, integers too; None where one is too large for a float."""
    values = series.values
    if isinstance(values, array):
        return np.frombuffer(values, np.float64 if values.typecode == "d" else np.int64).astype(np.float64)
    try:
        return np.array([float(value) for value in values if isinstance(value, (int, float)) and is_number(value)])
    except OverflowError:
        return None


def _is_missing(value: Scalar) -> bool:
    return value is None or isinstance(value, EmptyContainer) or (isinstance(value, str) and value in MISSING)


def _is_narrow(floats: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return all(
            np.array_equal(block.astype(np.float32).astype(np.float64), block, equal_nan=True)
            for block in (floats[start : start + BLOCK] for start in range(0, len(floats), BLOCK))
        )


def has_steps(series: Series) -> bool:
    """Tell whether a series is a curve over steps, and no list."""
    return len(series.labels) > 0 and series.labels[0].split(" ")[0] in ("step", "epoch", "iteration")


def structure_gap(baseline: Series, rerun: Series) -> str:
    """Say in what way the places of two series differ; "" when they are the same."""
    if baseline.path != rerun.path:
        return f"it stands at {_spell(rerun.path)} in the rerun, and at {_spell(baseline.path)} in the baseline"
    if baseline.labels == rerun.labels:
        return ""
    same = common_start(baseline.labels, rerun.labels)
    missing = _first_beyond(baseline.labels, rerun.labels, same)
    extra = _first_beyond(rerun.labels, baseline.labels, same)
    where = f"the first missing is {missing}" if missing else f"the first extra is {extra}" if extra else ""
    if len(baseline.labels) != len(rerun.labels):
        unit = "step" if has_steps(baseline) else "value"
        counts = f"the rerun has {plural(len(rerun.labels), unit)}, the baseline {len(baseline.labels)}"
        return f"{counts}; {where}" if where else counts
    return f"the steps differ; {where}" if where else "the steps stand in another order"


def _spell(path: Sequence[str]) -> str:
    return " > ".join(map(quote, path))


def tally_series(
    baseline: Series, rerun: Series, bounds: Bounds, integers: Bounds, *, by_digits: bool = False
) -> Tally:
    """Compare two series of the same steps; nulls and empty containers have to match but count as nothing compared.

    A value is inside when ``|rerun - baseline| <= atol + rtol * |baseline|``, with the bounds for ``integers`` where
    one of the two is written as one; text and booleans have to be equal. ``by_digits``: floats are also inside that are
    at most one unit of the last digit apart that either of them prints.
    """
    ours, theirs = baseline.values, rerun.values
    if not by_digits and isinstance(ours, array) and isinstance(theirs, array) and ours.typecode == theirs.typecode:
        return _tally_packed(ours, theirs, bounds if ours.typecode == "d" else integers)
    total, unremarkable, floats = Tally(), 0, array("q")
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if type(one) is type(other) is float and not by_digits:
            floats.append(index)
        elif one and type(one) is type(other) and one == other and not isinstance(one, EmptyContainer):
            unremarkable += 1  # most values of most series: a tally for each would cost ten times as much
        else:
            held = integers if isinstance(one, int) or isinstance(other, int) else bounds
            if by_digits and isinstance(one, float) and isinstance(other, float):
                held = msgspec.structs.replace(held, atol=max(held.atol, ROUNDED * last_digit((one, other))))
            total = total.plus(_tally_value(one, other, held, index))
    among = _tally_packed(_floats_at(ours, floats), _floats_at(theirs, floats), bounds)
    return total.plus(Tally(count=unremarkable)).plus(among.moved(floats))


def _floats_at(values: Sequence[Scalar], places: Iterable[int]) -> "array[float]":
    return array("d", [values[place] for place in places])  # type: ignore[misc] # where floats stand


def _tally_packed(ours: "array[Any]", theirs: "array[Any]", bounds: Bounds) -> Tally:
    dtype = "float64" if ours.typecode == "d" else "int64"
    baseline, rerun = (
        Tensor(dtype=dtype, shape=(len(side),), stored=np.frombuffer(side, dtype)) for side in (ours, theirs)
    )
    return tally_tensors(baseline, rerun, bounds)


def last_digit(values: Iterable[float]) -> float:
    """Return the unit of the last digit that the finest of some floats prints.

    What is not finite prints none, and is never near.
    """
    exponents = (Decimal(repr(value)).as_tuple().exponent for value in values)
    return 10.0 ** min((exponent for exponent in exponents if isinstance(exponent, int)), default=0)


def is_number(value: Scalar) -> bool:
    """Tell whether a value is an integer or a float; in Python a boolean is an integer, in an output it is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tally_value(ours: Scalar, theirs: Scalar, bounds: Bounds, index: int) -> Tally:
    distance = _distance(ours, theirs, bounds)
    same = _is_identical(ours, theirs)
    inside = distance == 0 or (math.isfinite(distance) and distance <= _allowed(ours, bounds))
    counted = int(not all(value is None or isinstance(value, EmptyContainer) for value in (ours, theirs)))
    measurable = is_number(ours) and is_number(theirs) and not math.isnan(distance) and distance > 0
    broken = not inside and not (is_number(ours) and is_number(theirs) and _is_finite(ours) and _is_finite(theirs))
    return Tally(
        count=counted,
        differing=int(not same),
        beyond=int(not inside),
        broken=int(broken),
        max_absolute=distance if measurable else None,
        max_relative=_relative(distance, ours) if measurable else None,
        first_difference=None if same else index,
        first_beyond=None if inside else index,
        first_broken=index if broken else None,
    )


def _distance(ours: Scalar, theirs: Scalar, bounds: Bounds) -> float:
    """Measure how far apart two values are: 0 for equal ones, NaN where no distance describes it."""
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours) and math.isnan(theirs):
        return 0.0 if bounds.equal_nan else math.nan
    if not is_number(ours) or not is_number(theirs):
        return 0.0 if type(ours) is type(theirs) and ours == theirs else math.nan
    if ours == theirs:
        return 0.0
    if not _is_finite(ours) or not _is_finite(theirs):
        return math.nan if ours != ours or theirs != theirs else math.inf  # noqa: PLR0124 - true of NaN alone
    try:
        # As fractions: beside a float, 2**53 + 1 would become 2**53.
        return float(abs(Fraction(theirs) - Fraction(ours)))  # type: ignore[arg-type] # both are finite numbers
    except OverflowError:  # integers beyond the range of a float
        return math.inf


def _allowed(ours: Scalar, bounds: Bounds) -> float:
    size = _size(ours)
    return bounds.atol + bounds.rtol * size if math.isfinite(size) else 0.0


def _size(value: Scalar) -> float:
    try:
        return abs(float(value)) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return math.inf


def _is_finite(value: Scalar) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _relative(distance: float, ours: Scalar) -> float | None:
    size = _size(ours)
    return distance / size if size > 0 and math.isfinite(size) else None


def _is_identical(ours: Scalar, theirs: Scalar) -> bool:
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours.hex() == theirs.hex()
    return ours == theirs


def _first_beyond(labels: Sequence[str], others: Sequence[str], start: int) -> str:
    """Return the first label that stands there more often than among the others; before ``start`` they are the same."""
    left = Counter(others[place] for place in range(start, len(others)))
    for label in (labels[place] for place in range(start, len(labels))):
        left[label] -= 1
        if left[label] < 0:
            return label
    return ""
