import math
from decimal import Decimal

import pytest

from envsnap.compare.reading import EmptyContainer, Scalar
from envsnap.compare.wording import at, describe_bounds, quote, show
from envsnap.manifest.tolerance import Bounds


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("adam", "'adam'"),
        ("1", "'1'"),
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (-7, "-7"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
        (Decimal("-2.5E+400"), "-2.5e400"),
        (Decimal("2.5E-400"), "2.5e-400"),
        (EmptyContainer.LIST, "[]"),
        (EmptyContainer.OBJECT, "{}"),
        (10**60 - 1, "9" * 60),
        (10**60, "an integer of 200 bits"),
        (-(2**1000), "an integer of 1001 bits"),
    ],
)
def test_a_value_is_written_as_json_would(value: Scalar, shown: str) -> None:
    """With all digits of a number, as far as a line holds them; text is quoted and escaped."""
    assert shown == show(value)


@pytest.mark.parametrize(
    ("text", "quoted"), [("x" * 60, f"'{'x' * 60}'"), ("x" * 60 + "yz", f"'{'x' * 60}...'"), ("it's", '"it\'s"')]
)
def test_long_text_is_cut(text: str, quoted: str) -> None:
    """Sixty characters are shown, of a longer one its first sixty."""
    assert quoted == quote(text)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(), "exact"),
        (Bounds(equal_nan=True), "exact"),
        (Bounds(rtol=1.3e-6, atol=1e-5), "rtol 1.3e-06, atol 1e-05"),
        (Bounds(atol=0.001), "rtol 0, atol 0.001"),
        (Bounds(rtol=1.0), "rtol 1, atol 0"),
        (Bounds(atol=1.0), "rtol 0, atol 1"),
    ],
)
def test_a_tolerance_is_exact_only_where_it_allows_nothing(bounds: Bounds, words: str) -> None:
    """Else both of its numbers are told."""
    assert words == describe_bounds(bounds)


def test_a_lone_value_needs_no_place() -> None:
    """A place ends a clause; where there is none, nothing does."""
    assert (" at step 3", "") == (at("step 3"), at(""))
