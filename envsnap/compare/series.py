"""Compares two series of values read from text: where their steps part, and how far their values are apart."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec
import numpy as np

from envsnap.compare.reading import MISSING, EmptyContainer, Scalar, Series, Tensor
from envsnap.compare.tally import Tally
from envsnap.compare.tensors import tally_tensors
from envsnap.compare.wording import quote
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Bounds


def dtype_of(series: Iterable[Series]) -> str:
    """Name the type of all values together; what stands for a missing value says nothing.

    JSON numbers have no dtype: when every float is a float32 written out, they are taken as float32, else as float64.
    """
    kinds = {type(value) for one in series for value in one.values if not _is_missing(value)}
    if not kinds:
        return "null"
    if kinds <= {int, float}:
        return number_dtype(series)
    return "bool" if kinds == {bool} else "text" if kinds == {str} else "mixed"


def number_dtype(series: Iterable[Series]) -> str:
    """Name the type of the numbers alone, whatever stands beside them."""
    return _number_dtype([value for one in series for value in one.values if isinstance(value, float)])


def _is_missing(value: Scalar) -> bool:
    return value is None or isinstance(value, EmptyContainer) or (isinstance(value, str) and value in MISSING)


def _number_dtype(floats: Sequence[float]) -> str:
    if not floats:
        return "int"
    exact = np.array(floats, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = exact.astype(np.float32).astype(np.float64)
    return "float32" if np.array_equal(narrow, exact, equal_nan=True) else "float64"


def structure_gap(baseline: Series, rerun: Series) -> str:
    """Say in what way the places of two series differ; "" when they are the same."""
    if baseline.path != rerun.path:
        return f"it stands at {_spell(rerun.path)} in the rerun, and at {_spell(baseline.path)} in the baseline"
    if baseline.labels == rerun.labels:
        return ""
    missing = _first_beyond(baseline.labels, rerun.labels)
    extra = _first_beyond(rerun.labels, baseline.labels)
    where = f"the first missing is {missing}" if missing else f"the first extra is {extra}" if extra else ""
    if len(baseline.labels) != len(rerun.labels):
        unit = (
            "step" if baseline.labels and baseline.labels[0].startswith(("step ", "epoch ", "iteration ")) else "value"
        )
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
    if not by_digits and {float} == set(map(type, baseline.values)) == set(map(type, rerun.values)):
        return tally_tensors(_as_tensor(baseline), _as_tensor(rerun), bounds)
    total, unremarkable = Tally(), 0
    for index, (ours, theirs) in enumerate(zip(baseline.values, rerun.values, strict=True)):
        if ours and type(ours) is type(theirs) and ours == theirs and not isinstance(ours, EmptyContainer):
            unremarkable += 1  # most values of most series: a tally for each would cost ten times as much
        else:
            held = integers if isinstance(ours, int) or isinstance(theirs, int) else bounds
            if by_digits and isinstance(ours, float) and isinstance(theirs, float):
                held = msgspec.structs.replace(held, atol=max(held.atol, _last_digit(ours, theirs)))
            total = total.plus(_tally_value(ours, theirs, held, index))
    return total.plus(Tally(count=unremarkable))


def _as_tensor(series: Series) -> Tensor:
    values = np.array(series.values, dtype=np.float64)
    return Tensor(dtype="float64", shape=values.shape, stored=values)


def _last_digit(ours: float, theirs: float) -> float:
    """Return the unit of the last digit that the finer one of two floats prints, a little widened for its rounding."""
    if not math.isfinite(ours) or not math.isfinite(theirs):
        return 0.0
    exponents = (Decimal(repr(value)).as_tuple().exponent for value in (ours, theirs))
    return 1.0001 * 10.0 ** min(exponent for exponent in exponents if isinstance(exponent, int))


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


def _first_beyond(labels: Sequence[str], others: Sequence[str]) -> str:
    left = Counter(others)
    for label in labels:
        left[label] -= 1
        if left[label] < 0:
            return label
    return ""
