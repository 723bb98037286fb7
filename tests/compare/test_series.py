"""Two series of values, each of which keeps its kind."""

import math
from array import array
from dataclasses import replace
from decimal import Decimal

import pytest

from envsnap.compare.reading import EmptyContainer, Scalar, Series
from envsnap.compare.series import dtype_of, numbers_of, structure_gap, tally_series
from envsnap.compare.tally import Tally
from envsnap.manifest.tolerance import Bounds

HUGE = 10**400


def series(*values: Scalar, labels: tuple[str, ...] = (), path: tuple[str, ...] = ()) -> Series:
    return Series(labels=labels or tuple(f"[{place}]" for place in range(len(values))), values=values, path=path)


def differs(distance: float | None = None, relative: float | None = None) -> Tally:
    """A value that is within the tolerance, and not the same."""
    return Tally(count=1, differing=1, max_absolute=distance, max_relative=relative, first_difference=0)


def beyond(distance: float | None = None, relative: float | None = None) -> Tally:
    """A number that is not."""
    return Tally(
        count=1,
        differing=1,
        beyond=1,
        max_absolute=distance,
        max_relative=relative,
        first_difference=0,
        first_beyond=0,
    )


BROKEN = Tally(count=1, differing=1, beyond=1, broken=1, first_difference=0, first_beyond=0, first_broken=0)


@pytest.mark.parametrize(
    ("ours", "theirs", "bounds", "expected"),
    [
        (1, 1, Bounds(), Tally(count=1)),
        (0, 0, Bounds(), Tally(count=1)),
        ("a", "a", Bounds(), Tally(count=1)),
        (False, False, Bounds(), Tally(count=1)),
        (None, None, Bounds(), Tally()),
        (EmptyContainer.LIST, EmptyContainer.LIST, Bounds(), Tally()),
        (Decimal("1e400"), Decimal("1e400"), Bounds(), Tally(count=1)),
        (1, 1.0, Bounds(), differs()),
        (0, 0.0, Bounds(), differs()),
        (2, 3, Bounds(atol=1), differs(1.0, 0.5)),
        (2, 4, Bounds(atol=1), beyond(2.0, 1.0)),
        (-4, -6.0, Bounds(rtol=0.5), differs(2.0, 0.5)),
        (-4, -6.5, Bounds(rtol=0.5), beyond(2.5, 0.625)),
        (0, 1, Bounds(), beyond(1.0)),
        (0.0, 1, Bounds(atol=1), differs(1.0)),
        (2**53, 2**53 + 1, Bounds(), beyond(1.0, 2.0**-53)),
        (2**53 + 1, 2.0**53, Bounds(), beyond(1.0, 1.0 / 2.0**53)),
        (HUGE, HUGE + 1, Bounds(rtol=1.0), beyond(1.0)),
        (HUGE, 1, Bounds(rtol=1.0, atol=9.0), beyond(math.inf)),
        (0.5, 1, Bounds(), beyond(0.5, 1.0)),
        (1, math.inf, Bounds(atol=9), replace(BROKEN, max_absolute=math.inf, max_relative=math.inf)),
        (1, math.nan, Bounds(atol=9), BROKEN),
        (True, 1, Bounds(atol=9), BROKEN),
        (1, True, Bounds(atol=9), BROKEN),
        ("1", 1, Bounds(atol=9), BROKEN),
        (None, 1, Bounds(atol=9), BROKEN),
        (Decimal("1e400"), Decimal("2e400"), Bounds(atol=9), BROKEN),
        (Decimal("1e400"), 1.0, Bounds(atol=9), BROKEN),
        (EmptyContainer.LIST, EmptyContainer.OBJECT, Bounds(), replace(BROKEN, count=0)),
    ],
)
def test_a_value_keeps_its_kind(ours: Scalar, theirs: Scalar, bounds: Bounds, expected: Tally) -> None:
    assert expected == tally_series(series(ours), series(theirs), bounds, bounds)


def test_values_of_many_kinds_are_counted_together() -> None:
    """Floats among others are compared as an array; where they stand is told all the same."""
    ours = series(1.0, "a", 2, 3.0, None, 5.0, math.nan)
    theirs = series(1.0, "b", 2, 3.5, None, 5.25, math.nan)

    assert Tally(
        count=6,
        differing=3,
        beyond=3,
        broken=2,
        max_absolute=0.5,
        max_relative=0.5 / 3,
        first_difference=1,
        first_beyond=1,
        first_broken=1,
    ) == tally_series(ours, theirs, Bounds(atol=0.3), Bounds())


def test_integers_have_a_tolerance_of_their_own() -> None:
    """It holds as soon as one of the two is written as an integer."""
    ours, theirs = series(1.0, 1, 1.0), series(1.5, 1.5, 2)

    assert 2 == tally_series(ours, theirs, Bounds(atol=1), Bounds()).beyond
    assert 1 == tally_series(ours, theirs, Bounds(), Bounds(atol=1)).beyond


@pytest.mark.parametrize(
    ("ours", "theirs", "beyond"),
    [
        (0.25, 0.26, 0),
        (0.25, 0.27, 1),
        (0.25, 0.251, 0),
        (0.25, 0.252, 1),
        (250.0, 250.1, 0),
        (math.inf, -math.inf, 1),
        (math.inf, 0.5, 1),
        (1, 1.1, 1),
    ],
)
def test_printed_floats_are_near_within_their_last_digit(ours: Scalar, theirs: Scalar, beyond: int) -> None:
    tally = tally_series(series(ours), series(theirs), Bounds(), Bounds(), by_digits=True)

    assert (1, 1, beyond) == (tally.count, tally.differing, tally.beyond)


def test_printed_nan_and_zeros_are_judged_as_others_are() -> None:
    """NaN equals NaN where that is told; the sign of a zero is a difference, and none that counts."""
    nan, zero, minus = series(math.nan), series(0.0), series(-0.0)

    assert BROKEN == replace(
        tally_series(nan, nan, Bounds(), Bounds(), by_digits=True), differing=1, first_difference=0
    )
    assert Tally(count=1) == tally_series(nan, nan, Bounds(equal_nan=True), Bounds(), by_digits=True)
    assert differs() == tally_series(zero, minus, Bounds(), Bounds(), by_digits=True)
    assert Tally(count=1) == tally_series(zero, zero, Bounds(), Bounds(), by_digits=True)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((0.1, "NA"), "float64"),
        ((0.1, EmptyContainer.LIST), "float64"),
        ((0.1, None, 2), "float64"),
        ((0.5, 3), "float32"),
        ((3, None), "int"),
        ((True, ""), "bool"),
        (("a", None), "text"),
        (("a", 1), "mixed"),
        ((None, "NA", EmptyContainer.OBJECT), "null"),
        ((), "null"),
    ],
)
def test_what_stands_for_a_missing_value_has_no_type(values: tuple[Scalar, ...], dtype: str) -> None:
    assert dtype == dtype_of([series(*values)])


def test_numbers_stand_apart_from_what_stands_beside_them() -> None:
    found = numbers_of(series(1, True, "a", None, 2.5))

    assert found is not None
    assert [1.0, 2.5] == found.tolist()
    assert numbers_of(series(HUGE, 1.0)) is None


STEPS = ("step 1", "step 2")


@pytest.mark.parametrize(
    ("ours", "theirs", "gap"),
    [
        (STEPS, STEPS, ""),
        (STEPS, (*STEPS, "step 1"), "the rerun has 3 steps, the baseline 2; the first extra is step 1"),
        (STEPS, ("step 1",), "the rerun has 1 step, the baseline 2; the first missing is step 2"),
        (STEPS, ("step 1", "step 3"), "the steps differ; the first missing is step 2"),
        (STEPS, STEPS[::-1], "the steps stand in another order"),
        (("[0]",), ("[0]", "[1]"), "the rerun has 2 values, the baseline 1; the first extra is [1]"),
        ((), ("row 1",), "the rerun has 1 value, the baseline 0; the first extra is row 1"),
    ],
)
def test_the_first_step_that_parts_is_named(ours: tuple[str, ...], theirs: tuple[str, ...], gap: str) -> None:
    sides = (series(*(1.0 for _ in labels), labels=labels) for labels in (ours, theirs))

    assert gap == structure_gap(*sides)


def test_a_metric_that_stands_elsewhere_is_told_of() -> None:
    assert "it stands at 'a/b' in the rerun, and at 'a' > 'b' in the baseline" == structure_gap(
        series(1.0, path=("a", "b")), series(1.0, path=("a/b",))
    )


@pytest.mark.parametrize(("code", "numbers"), [("q", [1, -2, 3]), ("d", [1.5, -2.0, 0.25])])
def test_packed_numbers_are_those_that_were_packed(code: str, numbers: list[float]) -> None:
    """Integers are not the bits of floats."""
    packed = array("q", [int(number) for number in numbers]) if code == "q" else array("d", numbers)

    found = numbers_of(Series(labels=("[0]", "[1]", "[2]"), values=packed))

    assert found is not None
    assert numbers == list(found)
