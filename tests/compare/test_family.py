"""The error rate of a verify is shared out over its items as docs/numerics.md says: known answers, by scipy alone."""

import re

import numpy as np
import pytest
import scipy.optimize  # type: ignore[import-untyped] # scipy ships no types
import scipy.stats  # type: ignore[import-untyped] # scipy ships no types

from envsnap.compare import statistics
from envsnap.compare.repeats import Course, Repeated, _shares, judge_together, repeated_of
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.verdict import ItemVerdict

BASELINE = (0.0, 1.0)
P_VALUE = re.compile(r"p = ([0-9.e-]+) over all items")


def number(*values: float, n: int, tolerance: Bounds | None = None) -> Repeated:
    """A single number, as all runs gave it."""
    runs = np.array(values)[:, None]
    return Repeated(
        verdict=ItemVerdict(name="loss", status="fail"),
        values=runs,
        floor=1e-12,
        n=n,
        what="it",
        tolerance=tolerance,
        distances=None,
        windows=runs,
        parts=runs,
    )


def curve(last: tuple[float, ...], windows: np.ndarray[tuple[int, int], np.dtype[np.float64]], n: int) -> Repeated:
    """A curve, as all runs gave it."""
    apart = np.linalg.norm(windows[:, None] - windows[None], axis=2)
    return Repeated(
        verdict=ItemVerdict(name="curve", status="fail"),
        values=np.array(last)[:, None],
        floor=1e-12,
        n=n,
        what="its last value",
        tolerance=None,
        distances=apart,
        windows=windows,
        parts=windows,
    )


def p_of(reason: str) -> float:
    """The p-value that a reason tells."""
    found = P_VALUE.search(reason)
    assert found is not None, reason
    return float(found[1])


def reruns_with(p_value: float) -> tuple[float, float, float]:
    """Three reruns that Student's t tells from the baseline with this p-value."""

    def excess(middle: float) -> float:
        return float(scipy.stats.ttest_ind(BASELINE, (middle - 0.2, middle, middle + 0.2)).pvalue) - p_value

    middle = float(scipy.optimize.brentq(excess, 1, 100))
    return middle - 0.2, middle, middle + 0.2


def test_a_p_value_is_multiplied_by_the_number_of_items() -> None:
    """Where the runs are too few for a permutation test: Bonferroni over three numbers, and no spread is tested."""
    reruns = (60.0, 61.0, 60.5)
    still = [number(*BASELINE, 0.4, 0.6, 0.5, n=2) for _ in range(2)]
    expected = 3 * scipy.stats.ttest_ind(BASELINE, reruns).pvalue

    verdicts, _ = judge_together([number(*BASELINE, *reruns, n=2), *still])

    assert "fail" == verdicts[0].status
    assert expected == pytest.approx(p_of(verdicts[0].reason), rel=0.06)


@pytest.mark.parametrize(("free", "held", "status"), [(1, 0, "fail"), (1, 1, "inconclusive"), (2, 0, "inconclusive")])
def test_items_with_and_without_a_tolerance_share_the_rate(free: int, held: int, status: str) -> None:
    """A p-value of 0.03 fails alone; beside one that is held to a tolerance it has half of the rate, no more."""
    moved = number(*BASELINE, *reruns_with(0.03), n=2)
    others = [number(*BASELINE, 0.4, 0.6, 0.5, n=2) for _ in range(free - 1)]
    others += [number(*BASELINE, 0.4, 0.6, 0.5, n=2, tolerance=Bounds(atol=100)) for _ in range(held)]

    verdicts, _ = judge_together([moved, *others])

    assert status == verdicts[0].status, verdicts[0].reason


def test_two_items_have_the_whole_rate_together() -> None:
    """Each a p-value of 0.02, multiplied by two: below the rate."""
    verdicts, _ = judge_together([number(*BASELINE, *reruns_with(0.02), n=2) for _ in range(2)])

    assert ["fail", "fail"] == [verdict.status for verdict in verdicts]
    assert 0.04 == pytest.approx(p_of(verdicts[1].reason), rel=0.06)


@pytest.mark.parametrize(
    ("n", "m", "is_tested"), [(5, 3, True), (9, 2, True), (8, 2, True), (7, 2, False), (40, 1, False)]
)
def test_a_wider_spread_fails_where_a_permutation_test_finds_it(n: int, m: int, is_tested: bool) -> None:
    """Of 40 groupings and more, and of two reruns and more: the mean of these is that of the baseline."""
    baseline = np.linspace(-1, 1, n)
    reruns = np.linspace(-1000, 1000, m) if m > 1 else np.array([1e-9])

    ((verdict,), _) = judge_together([number(*baseline, *reruns, n=n)])

    assert is_tested == (verdict.status == "fail"), verdict.reason


def test_shares_of_the_rate() -> None:
    """Half of a curve's goes to its distance; of the rest a fifth to the spread, where that is tested."""
    flat = np.zeros((5, 2))
    items = [number(0, 0, 0, 0, 0, n=2), curve((0, 0, 0, 0, 0), flat, n=2)]

    assert [0.8, 0.4, 0.2, 0.1, 0.5] == pytest.approx(list(_shares(items, has_spread=True)))
    assert [1, 0.5, 0, 0, 0.5] == pytest.approx(list(_shares(items, has_spread=False)), abs=1e-8)


def test_the_level_of_a_pass_is_that_of_all_items_together() -> None:
    """And of a spread, where F takes the noise for normal, a level of its own."""
    assert 0.07 == pytest.approx(1 - (1 - statistics.pass_level(20)) ** 20)
    assert 0.002 == pytest.approx(1 - (1 - statistics.spread_level(2, 3, 20)) ** 20)
    assert 0 == statistics.spread_level(10, 3, 20)


def test_scatter_is_told_around_the_baseline_wherever_that_is() -> None:
    """The rerun that is farthest from the baseline's mean is the one that is left out."""
    values = np.array([99.0, 100.0, 101.0, 98.0, 100.5, -500.0])
    ratio = ((98.0 - 100) ** 2 + 0.5**2) / 2

    assert float(scipy.stats.f.sf(ratio, 2, 2)) == pytest.approx(statistics.scatter_p_value(values, 3, 1e-12))


def test_columns_of_any_size_have_their_own_deviation() -> None:
    """A large one beside a tiny one, each with its own mean and scale."""
    values = np.array([[1e200, 1e-200, 5.0], [3e200, 3e-200, 7.0], [2e200, 2e-200, 6.0]])

    assert [1e200, 1e-200, 1.0] == pytest.approx(list(statistics.deviation(values)), rel=1e-12, abs=0)


def test_items_of_any_size_have_their_own_p_value() -> None:
    """What is large in one of them does not make the other's gap small."""
    small = np.array([1.0, 2.0, 3.0, 9.0, 8.0])
    values = np.column_stack([small * 1e200, small * 1e-100])
    groups = np.array([[False, False, False, True, True]])

    found = statistics.mean_p_values(values, groups, np.array([1e-290, 1e-290]))

    assert scipy.stats.ttest_ind(small[:3], small[3:]).pvalue == pytest.approx(found[0, 0])
    assert found[0, 0] == pytest.approx(found[0, 1])


def test_a_curve_of_few_runs_is_judged_by_the_means_of_its_parts() -> None:
    """Bonferroni over the parts, and half of the curve's rate: the middle moved, its end did not."""
    windows = np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 1.0], [1.5, 90.0, 0.4], [1.4, 91.0, 0.6], [1.6, 90.5, 0.5]])
    p_value = scipy.stats.ttest_ind(windows[:2, 1], windows[2:, 1]).pvalue

    ((verdict,), _) = judge_together([curve((0.0, 1.0, 0.4, 0.6, 0.5), windows, n=2)])

    assert "fail" == verdict.status
    assert 3 * 2 * p_value == pytest.approx(p_of(verdict.reason), rel=0.06)


def test_a_p_value_is_at_most_one() -> None:
    """However many parts a curve has: one that is as it was counts as nothing."""
    windows = np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 1.0], [1.5, 0.5, 0.4], [1.4, 0.6, 0.6], [1.6, 0.5, 0.5]])

    ((verdict,), _) = judge_together([curve((0.0, 1.0, 30.0, 31.0, 30.5), windows, n=2)])

    p_value = scipy.stats.ttest_ind((0.0, 1.0), (30.0, 31.0, 30.5)).pvalue
    assert 2 * p_value == pytest.approx(p_of(verdict.reason), rel=0.06)


def test_what_is_near_a_change_does_not_pass() -> None:
    """Of ten runs and three: with a last value that moves on, a pass, neither, a fail."""
    random = np.random.default_rng(3)
    windows, last = random.normal(size=(13, 10)), random.normal(size=13)
    statuses = []
    for shift in np.linspace(0, 4, 161):
        ends = last + np.where(np.arange(13) >= 10, shift, 0)
        ((verdict,), _) = judge_together([curve(tuple(ends), windows, n=10)])
        statuses.append(verdict.status)

    assert ["pass", "inconclusive", "fail"] == list(dict.fromkeys(statuses))


@pytest.mark.parametrize(
    ("dtypes", "epsilon"),
    [
        (("float32", "float32", "float32"), 2.0**-23),
        (("float64", "float32", "float64"), 2.0**-52),
        (("int64", "int64", "int64"), 0.0),
    ],
)
@pytest.mark.parametrize("is_curve", [False, True])
def test_the_rounding_of_numbers_floors_their_spread(dtypes: tuple[str, ...], epsilon: float, is_curve: bool) -> None:
    """That of the finest type, where runs differ in it; of integers their last digit. A curve's last value is meant."""
    lasts = (0.1234567, 0.7654321, 0.5555555)
    courses = [
        Course(last=last, dtype=dtype, windows=np.array([last]), parts=np.array([last]), is_curve=is_curve)
        for last, dtype in zip(lasts, dtypes, strict=True)
    ]

    found = repeated_of(ItemVerdict(name="loss", status="fail"), courses, 2, None)

    assert found is not None
    assert statistics.resolution(lasts, epsilon) == found.floor
    assert ("its last value" if is_curve else "it") == found.what
    assert is_curve == (found.distances is not None)
