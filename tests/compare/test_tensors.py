import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from envsnap.compare.reading import Series, Tensor
from envsnap.compare.series import tally_series
from envsnap.compare.tally import Tally
from envsnap.compare.tensors import place_of, tally_tensors, value_at
from envsnap.manifest.tolerance import Bounds

FLOATS = st.floats(width=64) | st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, np.nan, np.inf, -np.inf])
PAIRS = st.integers(1, 40).flatmap(lambda n: st.tuples(*[arrays(np.float64, n, elements=FLOATS)] * 2))
BOUNDS = st.builds(Bounds, atol=st.floats(0, 1e3), rtol=st.floats(0, 2), equal_nan=st.booleans())


def tensor(array: np.ndarray, dtype: str = "") -> Tensor:
    return Tensor(dtype=dtype or array.dtype.name, shape=array.shape, stored=array.reshape(-1))


def naive_inside(ours: np.ndarray, theirs: np.ndarray, bounds: Bounds) -> np.ndarray:
    with np.errstate(all="ignore"):
        close = np.abs(theirs - ours) <= bounds.atol + bounds.rtol * np.abs(ours)
    finite = np.isfinite(ours) & np.isfinite(theirs)
    both_nan = np.isnan(ours) & np.isnan(theirs) & bounds.equal_nan
    return np.asarray((finite & close) | (ours == theirs) | both_nan)


@given(PAIRS, BOUNDS, st.integers(1, 50))
def test_blocks_add_up_to_the_naive_result(pair: tuple[np.ndarray, np.ndarray], bounds: Bounds, block: int) -> None:
    """However an array is cut into blocks, the counts and places are those of whole-array expressions."""
    ours, theirs = pair
    tally = tally_tensors(tensor(ours), tensor(theirs), bounds, block=block)
    beyond = np.flatnonzero(~naive_inside(ours, theirs, bounds))
    differing = np.flatnonzero(ours.view(np.uint64) != theirs.view(np.uint64))

    assert (len(ours), len(differing), len(beyond)) == (tally.count, tally.differing, tally.beyond)
    assert (differing[0] if len(differing) else None) == tally.first_difference
    assert (beyond[0] if len(beyond) else None) == tally.first_beyond


@given(PAIRS, BOUNDS, st.sampled_from([np.float32, np.float64]), st.integers(1, 5))
def test_values_that_are_close_are_counted_alike(
    pair: tuple[np.ndarray, np.ndarray], bounds: Bounds, dtype: type[np.floating], block: int
) -> None:
    """What is decided in the values' own precision is what float64 decides, the largest gaps included."""
    with np.errstate(over="ignore", invalid="ignore"):
        ours = pair[0].astype(dtype)
        theirs = (ours + (pair[1] * 1e-6).astype(dtype) * ours).astype(dtype)
        wide_ours, wide_theirs = ours.astype(np.longdouble), theirs.astype(np.longdouble)
        gaps = np.abs(wide_theirs - wide_ours)
        relative = gaps[wide_ours != 0] / np.abs(wide_ours[wide_ours != 0])
    tally = tally_tensors(tensor(ours), tensor(theirs), bounds, block=block)

    assert int((~naive_inside(ours.astype(np.float64), theirs.astype(np.float64), bounds)).sum()) == tally.beyond
    if np.isfinite(wide_ours).all() and np.isfinite(wide_theirs).all():
        assert float(gaps.max(initial=0)) == pytest.approx(tally.max_absolute or 0.0, rel=1e-6)
        assert float(relative.max(initial=0)) == pytest.approx(tally.max_relative or 0.0, rel=1e-6)


@given(PAIRS, BOUNDS)
def test_series_and_tensors_agree(pair: tuple[np.ndarray, np.ndarray], bounds: Bounds) -> None:
    """The same numbers give the same tally whether they come from text or from an array."""
    ours, theirs = pair
    labels = tuple(str(i) for i in range(len(ours)))
    as_text = tally_series(
        Series(labels=labels, values=tuple(ours.tolist())),
        Series(labels=labels, values=tuple(theirs.tolist())),
        bounds,
        bounds,
    )
    as_array = tally_tensors(tensor(ours), tensor(theirs), bounds)

    def facts(tally: Tally) -> tuple[object, ...]:
        return tally.count, tally.beyond, tally.broken, tally.first_beyond, tally.max_absolute

    assert facts(as_text) == facts(as_array)


@given(PAIRS, BOUNDS, st.floats(0, 10), st.floats(0, 1))
def test_wider_tolerance_never_fails_what_passed(
    pair: tuple[np.ndarray, np.ndarray], bounds: Bounds, atol: float, rtol: float
) -> None:
    """Widening a tolerance never adds a value beyond it."""
    wider = Bounds(atol=bounds.atol + atol, rtol=bounds.rtol + rtol, equal_nan=bounds.equal_nan)
    narrow = tally_tensors(tensor(pair[0]), tensor(pair[1]), bounds)
    wide = tally_tensors(tensor(pair[0]), tensor(pair[1]), wider)

    assert wide.beyond <= narrow.beyond


@given(arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False)))
def test_an_array_equals_itself(array: np.ndarray) -> None:
    """Comparing a thing with itself passes."""
    assert Tally(count=20) == tally_tensors(tensor(array), tensor(array.copy()), Bounds())


def test_equal_bits_that_are_nan_are_beyond() -> None:
    """The fast path for equal bits does not let NaN through."""
    array = np.array([1, np.nan], dtype=np.float16)
    tally = tally_tensors(tensor(array), tensor(array.copy()), Bounds(atol=9))

    assert (0, 1, 1, 1) == (tally.differing, tally.beyond, tally.broken, tally.first_beyond)


def test_bfloat16_is_widened() -> None:
    """Stored as 16 bits, compared as the numbers they stand for."""
    ours = (np.array([1.0, 2.0], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    theirs = ours + np.array([0, 1], np.uint16)
    tally = tally_tensors(tensor(ours, "bfloat16"), tensor(theirs, "bfloat16"), Bounds(rtol=1.6e-2))

    assert 2**-6 == tally.max_absolute
    assert (1, 0) == (tally.differing, tally.beyond)
    assert "2.015625" == value_at(tensor(theirs, "bfloat16"), 1)


@pytest.mark.parametrize(
    ("dtype", "code", "value"),
    [
        ("float8_e4m3fn", 0x7E, "448.0"),
        ("float8_e4m3fn", 0x01, "0.001953125"),
        ("float8_e4m3fn", 0xFF, "NaN"),
        ("float8_e4m3fn", 0xB8, "-1.0"),
        ("float8_e5m2", 0x7B, "57344.0"),
        ("float8_e5m2", 0xFC, "-inf"),
        ("float8_e5m2", 0x7D, "NaN"),
    ],
)
def test_float8_codes_have_their_published_values(dtype: str, code: int, value: str) -> None:
    """Extremes, least numbers, NaN and infinity of both float8 types."""
    assert value == value_at(tensor(np.array([code], np.uint8), dtype), 0)


def test_large_integers_keep_their_distance() -> None:
    """2**53 + 1 is not 2**53, and the ends of int64 are 2**64 - 1 apart."""
    ours = np.array([2**53, -(2**63)], np.int64)
    theirs = np.array([2**53 + 1, 2**63 - 1], np.int64)
    tally = tally_tensors(tensor(ours), tensor(theirs), Bounds(atol=0.5))

    assert 2 == tally.beyond
    assert 2.0**64 == tally.max_absolute


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.clongdouble])
def test_complex_is_compared_by_its_modulus(dtype: type[np.complexfloating]) -> None:
    """A gap in the imaginary part is found, and measured against the size of the whole number, as numpy does."""
    ours, theirs = np.array([1 + 1j, 3 + 4j], dtype), np.array([1 + 1j, 3 + 4.5j], dtype)

    exact, wide, narrow = (
        tally_tensors(tensor(ours), tensor(theirs), bounds)
        for bounds in (Bounds(), Bounds(rtol=0.1), Bounds(rtol=0.09))
    )

    assert (2, 1, 1, 0.5) == (exact.count, exact.differing, exact.first_beyond, exact.max_absolute)
    assert [0, 1] == [wide.beyond, narrow.beyond]
    assert np.allclose(theirs, ours, rtol=0.1, atol=0)
    assert not np.allclose(theirs, ours, rtol=0.09, atol=0)
    assert ("element [1]", str(ours[1])) == (place_of(tensor(ours), 1), value_at(tensor(ours), 1))


def test_byte_order_is_no_difference() -> None:
    """The same numbers in another byte order are the same numbers."""
    array = np.array([1.0, 2.5])
    tally = tally_tensors(tensor(array), tensor(array.astype(">f8")), Bounds())

    assert (0, 0) == (tally.differing, tally.beyond)


def test_text_arrays_have_to_be_equal() -> None:
    """No tolerance covers text."""
    tally = tally_tensors(tensor(np.array(["a", "b"])), tensor(np.array(["a", "c"])), Bounds(atol=9))

    assert (1, 1, 1) == (tally.beyond, tally.broken, tally.first_beyond)
