import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from envsnap.compare.reading import Series, Tensor
from envsnap.compare.series import tally_series
from envsnap.compare.tally import Tally
from envsnap.compare.tensors import distances_of, place_of, single, tally_tensors, value_at
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


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("block", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("ours", "theirs", "bounds", "tally"),
    [
        pytest.param(
            np.array([0, 0, 4, 100]),
            np.array([0, 3, 5, 90]),
            Bounds(atol=1, rtol=0.05),
            Tally(
                count=4,
                differing=3,
                beyond=2,
                max_absolute=10,
                max_relative=0.25,
                first_difference=1,
                first_beyond=1,
            ),
            id="integers",
        ),
        pytest.param(
            np.array([255, 1], np.uint8),
            np.array([255, 3], np.uint8),
            Bounds(rtol=2),
            Tally(count=2, differing=1, max_absolute=2, max_relative=2, first_difference=1),
            id="unsigned",
        ),
        pytest.param(
            np.array([True, False, True]),
            np.array([True, True, False]),
            Bounds(atol=9),
            Tally(count=3, differing=2, beyond=2, broken=2, first_difference=1, first_beyond=1, first_broken=1),
            id="booleans",
        ),
        pytest.param(
            np.array(["2020-01-01", "2020-01-02"], "M8[D]"),
            np.array(["2020-01-01", "2020-01-03"], "M8[D]"),
            Bounds(atol=9),
            Tally(count=2, differing=1, beyond=1, broken=1, first_difference=1, first_beyond=1, first_broken=1),
            id="dates",
        ),
        pytest.param(
            np.array(["a", "b", "c"]),
            np.array(["a", "b", "cc"]),
            Bounds(atol=9),
            Tally(count=3, differing=1, beyond=1, broken=1, first_difference=2, first_beyond=2, first_broken=2),
            id="text",
        ),
        pytest.param(
            np.array([1.0, 0.0, 2.0, 4.0, 8.0]),
            np.array([1.0, 0.5, 2.5, 4.5, 8.5]),
            Bounds(atol=0.25, rtol=0.0625),
            Tally(
                count=5,
                differing=4,
                beyond=2,
                max_absolute=0.5,
                max_relative=0.25,
                first_difference=1,
                first_beyond=1,
            ),
            id="floats",
        ),
        pytest.param(
            np.array([1, NAN, INF, INF, 0, 2, -INF]),
            np.array([1.5, NAN, INF, -INF, 0.25, NAN, 7]),
            Bounds(atol=9),
            Tally(
                count=7,
                differing=5,
                beyond=4,
                broken=4,
                max_absolute=INF,
                max_relative=0.5,
                first_difference=0,
                first_beyond=1,
                first_broken=1,
            ),
            id="floats without a distance",
        ),
        pytest.param(
            np.array([NAN, NAN, 1.0]),
            np.array([NAN, 1.0, NAN]),
            Bounds(atol=9, equal_nan=True),
            Tally(count=3, differing=2, beyond=2, broken=2, first_difference=1, first_beyond=1, first_broken=1),
            id="NaN that equals NaN",
        ),
        pytest.param(
            np.array([3 + 4j, 0, 1j], np.complex64),
            np.array([3 + 9j, 0, complex(0, NAN)], np.complex64),
            Bounds(atol=0.5, rtol=1),
            Tally(
                count=3,
                differing=2,
                beyond=1,
                broken=1,
                max_absolute=5,
                max_relative=1,
                first_difference=0,
                first_beyond=2,
                first_broken=2,
            ),
            id="complex numbers",
        ),
        pytest.param(
            np.array([1, 1], np.longdouble),
            np.array([1, 1 + np.longdouble(2) ** -60]),
            Bounds(atol=2**-61),
            Tally(
                count=2,
                differing=1,
                beyond=1,
                max_absolute=2**-60,
                max_relative=2**-60,
                first_difference=1,
                first_beyond=1,
            ),
            id="extended precision",
        ),
        pytest.param(
            np.array([1, 1], np.clongdouble),
            np.array([1, 1 + np.longdouble(2) ** -60]).astype(np.clongdouble),
            Bounds(atol=2**-61),
            Tally(
                count=2,
                differing=1,
                beyond=1,
                max_absolute=2**-60,
                max_relative=2**-60,
                first_difference=1,
                first_beyond=1,
            ),
            id="complex numbers of extended precision",
        ),
        pytest.param(np.zeros((0, 3)), np.zeros((0, 3)), Bounds(), Tally(), id="nothing"),
    ],
)
def test_a_tally_tells_counts_gaps_and_places(
    ours: np.ndarray, theirs: np.ndarray, bounds: Bounds, tally: Tally, block: int
) -> None:
    """As counted by hand, for each kind of values and however they are cut into blocks."""
    assert tally == tally_tensors(tensor(ours), tensor(theirs), bounds, block=block)


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, np.complex64])
def test_distances_are_those_of_all_elements(dtype: type[np.number], block: int) -> None:
    """The squared norm of each tensor, and of the difference of each two, in double precision."""
    random = np.random.default_rng(0)
    values = (
        random.uniform(0, 100, (3, 7)) + (1j * random.uniform(size=(3, 7)) if dtype is np.complex64 else 0)
    ).astype(dtype)
    wide = values.astype(np.complex128)

    found = distances_of([tensor(row) for row in values], block=block)

    assert found is not None
    assert np.linalg.norm(wide, axis=1) ** 2 == pytest.approx(found.norms)
    assert np.linalg.norm(wide[:, None] - wide[None, :], axis=2) ** 2 == pytest.approx(found.squares)


def test_distances_of_large_numbers_are_finite() -> None:
    """Where float32 would overflow, or an unsigned integer wrap around; a tensor alone is at none from itself."""
    large = distances_of([tensor(np.full(2, value, np.float32)) for value in (3e38, -3e38)])
    small = distances_of([tensor(np.array([value], np.uint8)) for value in (3, 255)])
    alone = distances_of([tensor(np.array([3.0, 4.0]))])

    assert large is not None
    assert small is not None
    assert alone is not None
    assert ([25], [[0]]) == (alone.norms.tolist(), alone.squares.tolist())
    assert 2 * 6e38**2 == pytest.approx(large.squares[0, 1], rel=1e-6)
    assert [[0, 252**2], [252**2, 0]] == small.squares.tolist()


@pytest.mark.parametrize("values", [[1.0, NAN], [1.0, INF], [1.0, 1e200], [0.0, 1e-170], [True, False], ["a", "b"]])
def test_only_numbers_with_finite_squares_have_a_distance(values: list[object]) -> None:
    """None where one of them is none."""
    assert distances_of([tensor(np.array(values)), tensor(np.array(values))]) is None


@pytest.mark.parametrize(
    ("array", "index", "place", "value"),
    [
        (np.float64(2.5), 0, "", "2.5"),
        (np.array([1.0, 2.0]), 1, "element [1]", "2.0"),
        (np.arange(12).reshape(3, 4), 6, "element [1, 2]", "6"),
        (np.array(["a", "bc"]), 1, "element [1]", "bc"),
        (np.array([1.0, NAN]), 1, "element [1]", "NaN"),
        (np.array([1.5, 2.5], ">f4"), 0, "element [0]", "1.5"),
    ],
)
def test_a_flat_index_is_told_as_place_and_value(array: np.ndarray, index: int, place: str, value: str) -> None:
    """Row by row; a lone value has no place."""
    whole = tensor(np.asarray(array))
    one = single(whole, index)

    assert (place, value) == (place_of(whole, index), value_at(whole, index))
    assert (whole.dtype, (1,), 1, value) == (one.dtype, one.shape, len(one.stored), value_at(one, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gap_by_one_bit_more_than_the_tolerance_is_beyond(dtype: type[np.floating]) -> None:
    """Absolute or relative; a gap that is just the tolerance is within it."""
    more = 1 + np.finfo(dtype).eps
    ours, theirs = np.array([0, 1], dtype), np.array([2**-10, -1], dtype)

    absolute = [
        tally_tensors(tensor(ours[:1]), tensor(wide[:1]), Bounds(atol=2**-10)) for wide in (theirs, theirs * more)
    ]
    relative = [
        tally_tensors(tensor(ours[1:]), tensor(wide[1:]), Bounds(rtol=2)) for wide in (theirs, theirs * (2 * more - 1))
    ]

    assert [0, 1] == [tally.beyond for tally in absolute]
    assert [0, 1] == [tally.beyond for tally in relative]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_the_tolerance_is_rounded_as_numpy_rounds_it(dtype: type[np.inexact]) -> None:
    """In double precision 0.1 + 0.2 is a little more than in extended precision, and so is 1.3 - 1."""
    ours, theirs = np.array([1], dtype), np.array([1.3], dtype)

    assert np.allclose(theirs, ours, rtol=0.2, atol=0.1)
    assert 0 == tally_tensors(tensor(ours), tensor(theirs), Bounds(rtol=0.2, atol=0.1)).beyond


@pytest.mark.parametrize("block", [1, 2])
def test_the_largest_relative_gap_is_exact(block: int) -> None:
    """Even if a block before it has one that is less by a bit, or one of a larger number."""
    ours, theirs = np.array([64, 4, 4], np.float32), np.array([96, 6 + 2**-21, 5], np.float32)

    tally = tally_tensors(tensor(ours), tensor(theirs), Bounds(atol=99), block=block)

    assert (0, 32.0, 0.5 + 2**-23) == (tally.beyond, tally.max_absolute, tally.max_relative)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_the_sign_of_a_zero_is_a_difference_within_any_tolerance(dtype: type[np.complexfloating]) -> None:
    """In either part of a complex number; NaN with the same bits is none."""
    ours = np.array([complex(0, 0), complex(0, 0), complex(0, NAN)], dtype)
    theirs = np.array([complex(-0.0, 0), complex(0, -0.0), complex(0, NAN)], dtype)

    tally = tally_tensors(tensor(ours), tensor(theirs), Bounds(equal_nan=True))

    assert Tally(count=3, differing=2, first_difference=0) == tally
