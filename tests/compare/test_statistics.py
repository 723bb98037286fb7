"""The tests hold their error rates, name what they resolve, and agree with what others published."""

import math

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped] # scipy ships no types
from hypothesis import given
from hypothesis import strategies as st

from envsnap.compare import statistics
from envsnap.compare.statistics import MISSED, MULTIPLE

FLOOR = np.array([0.0])


def column(*values: float) -> statistics.Matrix:
    return np.array(values)[:, None]


def test_mean_test_is_the_pooled_t_test() -> None:
    """As scipy has it, for the grouping that is real and for every other."""
    values = column(0.51, 0.49, 0.50, 0.53, 0.56, 0.57)
    groups = statistics.relabellings(4, 2)

    found = statistics.mean_p_values(values, groups, FLOOR)[:, 0]

    for group, p_value in zip(groups, found, strict=True):
        assert scipy.stats.ttest_ind(values[group, 0], values[~group, 0]).pvalue == pytest.approx(p_value)


@pytest.mark.parametrize(("n", "m"), [(2, 1), (1, 2), (2, 2), (5, 3)])
def test_mean_test_is_the_pooled_t_test_of_each_item(n: int, m: int) -> None:
    """However few the runs are, and however far from nothing the numbers lie: here by a billion of their spreads."""
    values = np.random.default_rng(n).integers(-1024, 1024, size=(n + m, 2)) / 1024
    groups = statistics.relabellings(n, m)

    found = statistics.mean_p_values(values + np.array([0, 2**30]), groups, np.zeros(2))

    for group, p_values in zip(groups, found, strict=True):
        assert scipy.stats.ttest_ind(values[group], values[~group]).pvalue == pytest.approx(p_values)


def test_spread_test_is_the_f_test() -> None:
    """Two-sided; one run alone has no spread."""
    values = column(0.51, 0.49, 0.50, 0.53, 0.1, 0.9)
    ratio = np.var(values[4:], ddof=1) / np.var(values[:4], ddof=1)

    found = statistics.spread_p_values(values, statistics.relabellings(4, 2), FLOOR)[0, 0]

    assert 2 * scipy.stats.f.sf(ratio, 1, 3) == pytest.approx(found)
    assert 1 == statistics.spread_p_values(values[:5], statistics.relabellings(4, 1), FLOOR)[0, 0]


@pytest.mark.parametrize(("n", "m"), [(5, 3), (2, 3), (3, 2), (2, 2)])
def test_spread_test_is_the_f_test_of_every_grouping_and_item(n: int, m: int) -> None:
    """As scipy has it; no variance is less than the square of the floor."""
    values = np.random.default_rng(0).normal(size=(n + m, 2)) * [1, 0.001]
    groups, floors = statistics.relabellings(n, m), np.array([0.0, 0.0008])

    found = statistics.spread_p_values(values, groups, floors)

    for group, p_values in zip(groups, found, strict=True):
        ours, theirs = (np.var(values[chosen], axis=0, ddof=1) for chosen in (~group, group))
        ratio = np.maximum(theirs, floors**2) / np.maximum(ours, floors**2)
        one_sided = np.minimum(scipy.stats.f.cdf(ratio, m - 1, n - 1), scipy.stats.f.sf(ratio, m - 1, n - 1))
        assert 2 * one_sided == pytest.approx(p_values)


@pytest.mark.parametrize(("n", "m", "count"), [(5, 3, 56), (10, 3, 286), (3, 3, 20), (10, 1, 11), (20, 20, 4000)])
def test_relabellings_begin_with_what_is_real(n: int, m: int, count: int) -> None:
    """Each once where they are few; each has as many reruns."""
    groups = statistics.relabellings(n, m)

    assert ([False] * n + [True] * m) == groups[0].tolist()
    assert groups.tolist() == statistics.relabellings(n, m).tolist()
    assert (count, {m}) == (len(groups), set(groups.sum(axis=1).tolist()))
    assert count == 4000 or count == len({tuple(group) for group in groups.tolist()})


def test_a_family_is_judged_by_its_least_p_value() -> None:
    """With few relabellings by Bonferroni; with enough, by how many of them are as extreme anywhere."""
    few = np.array([[0.01, 0.5], [0.2, 0.9]])
    many = np.vstack([few, np.full((98, 2), 0.02)])
    weights = np.array([0.5, 0.5])

    def corrected(p_values: np.ndarray) -> list[float]:
        return list(map(float, statistics.family_p_values(p_values, weights)))

    assert [0.02, 1.0] == corrected(few) == corrected(np.array([[0.01, 0.9], [0.2, 0.1]]))
    assert [0.01, 1.0] == corrected(many)
    many[:, 0] = [1e-6, *[1e-7] * 5, *[0.5] * 94]
    assert corrected(many)[0] == 0.06


def test_the_least_that_relabelling_shows_is_one_in_their_number() -> None:
    """From 40 of them on, and with a p-value of nothing too."""
    p_values = np.linspace(0, 0.5, 40)[:, None]

    assert [1 / 40] == statistics.family_p_values(p_values, np.ones(1)).tolist()
    assert [0.0] == statistics.family_p_values(p_values[:39], np.ones(1)).tolist()


@pytest.mark.parametrize(
    ("n", "m", "tells"), [(37, 2, False), (38, 2, True), (8, 3, False), (9, 3, True), (9, 1, False)]
)
def test_scatter_is_told_where_few_enough_groupings_are_alike(n: int, m: int, *, tells: bool) -> None:
    """One rerun may change places with each baseline run, or none does: these have to be one in twenty or fewer."""
    assert tells == statistics.tells_scatter(n, m)
    assert (statistics.spread_level(n, m, 1) == 0) == tells


def test_the_scale_is_that_of_the_closest_half() -> None:
    """Five runs that are close, and three that are anywhere; at least three runs, and the floor."""
    close = [[0.0], [0.1], [0.2], [0.3], [0.4]]

    assert statistics.scale_of(np.array([*close, [1e9], [2e9], [-1e9]]), 0.0).tolist() == pytest.approx([0.3])
    assert statistics.scale_of(np.array([[0.0], [10.0], [0.0], [11.0]]), 0.0).tolist() == [10.0]
    assert statistics.scale_of(np.array(close), 0.7).tolist() == [0.7]


def test_distances_tell_a_group_that_lies_apart() -> None:
    """Reruns near the baseline do not; with two baseline runs nothing can be told."""
    near, far = np.arange(6.0), np.array([0.0, 1, 2, 3, 40, 44])
    groups = statistics.relabellings(4, 2)

    def p_value(places: np.ndarray) -> float:
        distances = np.abs(places[:, None] - places[None, :])
        return float(statistics.distance_p_values(distances, groups)[0, 0])

    assert p_value(far) < 0.001
    assert p_value(near[[0, 2, 3, 5, 1, 4]]) > 0.05
    assert 1 == statistics.distance_p_values(np.ones((3, 3)), statistics.relabellings(2, 1))[0, 0]


@pytest.mark.parametrize(("n", "m"), [(3, 1), (3, 2), (4, 3), (6, 2)])
def test_distances_are_judged_by_a_pooled_t_test(n: int, m: int) -> None:
    """Of each run's distance to the nearest other baseline run, one-sided, for every grouping.

    Two baseline runs that are nearest to each other have one distance: half of them count as degrees of freedom.
    """
    places = np.random.default_rng(n).normal(size=(n + m, 4))
    distances = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    groups = statistics.relabellings(n, m)

    found = statistics.distance_p_values(distances, groups)

    assert (len(groups), 1) == found.shape
    for group, p_value in zip(groups, found[:, 0], strict=True):
        nearest = [
            min(distances[run, other] for other in range(n + m) if other != run and not group[other])
            for run in range(n + m)
        ]
        theirs, ours = np.array(nearest)[group], np.array(nearest)[~group]
        statistic = scipy.stats.ttest_ind(theirs, ours, alternative="greater").statistic
        assert scipy.stats.t.sf(statistic, max(n // 2 + m - 2, 1)) == pytest.approx(p_value)


@pytest.mark.parametrize(
    ("reruns", "p_value"),
    [
        ((0.1, 0.9, 1.7), scipy.stats.f.sf(0.32 / (2.5e-6), 2, 4)),
        ((0.9, 0.9, 1.7), 1.0),
        ((0.1, 1.7), 1.0),
        ((1.7,), 1.0),
    ],
)
def test_reruns_scatter_if_more_than_one_does(reruns: tuple[float, ...], p_value: float) -> None:
    """The mean square of the others' distance from the baseline's mean, in its variance, 2.5e-6."""
    values = np.array([0.898, 0.9, 0.901, 0.902, 0.899, *reruns])
    found = statistics.scatter_p_value(values, 5, 1e-9)

    assert found == pytest.approx(p_value)


@pytest.mark.parametrize(("apart", "farther", "differs"), [(1e9, 1e-6, False), (1e9, 1.0, True), (0.0, 0.0, False)])
def test_distances_that_rounding_alone_tells_apart_are_alike(apart: float, farther: float, differs: bool) -> None:
    """Baseline runs that are all as far from each other have no spread of their own to measure by."""
    distances = np.full((5, 5), apart)
    distances[3:, :3] = distances[:3, 3:] = apart + farther

    p_value = statistics.distance_p_values(distances, statistics.relabellings(3, 2))[0, 0]

    assert (p_value < 0.001) == differs
    assert p_value < 0.001 or p_value == pytest.approx(0.5, abs=1e-3)


def test_the_ratio_of_distances_is_that_of_their_means() -> None:
    """Each to the nearest of the other baseline runs; infinite where the baseline repeats itself."""
    places = np.array([0.0, 1, 3, 2.5, -4])
    distances = np.abs(places[:, None] - places[None, :])

    assert statistics.distance_ratio(distances, 3) == pytest.approx(((0.5 + 4) / 2) / ((1 + 1 + 2) / 3))
    assert math.inf == statistics.distance_ratio(np.array([[0.0, 0, 2], [0, 0, 2], [2, 2, 0]]), 2)


@pytest.mark.parametrize(("n", "m", "most"), [(5, 3, 5.0), (10, 3, 4.0)])
def test_what_runs_resolve_is_bounded(n: int, m: int, most: float) -> None:
    """For 20 metrics together; a shift of that size passes in eight of a hundred cases, by its very definition."""
    multiple = statistics.resolved(n, m, 20)
    scale = math.sqrt(1 / n + 1 / m)
    bound = statistics.pass_bound(n, m, 20)

    assert multiple <= most
    assert MISSED == pytest.approx(scipy.stats.nct.cdf(bound, n + m - 2, multiple / scale), abs=1e-3)


def test_more_runs_resolve_more_and_more_items_less() -> None:
    """The advice is the first that is enough."""
    assert statistics.resolved(10, 3, 20) < statistics.resolved(5, 3, 20) < statistics.resolved(5, 1, 20)
    assert statistics.resolved(5, 3, 1) < statistics.resolved(5, 3, 20)
    runs, reruns = statistics.runs_for(20, at_least=(2, 1)) or (0, 0)
    assert statistics.resolved(runs, reruns, 20) <= MULTIPLE < statistics.resolved(runs - 1, reruns, 20)
    assert (5, 3) == statistics.runs_for(20, at_least=(5, 3))


def test_limits_of_a_difference_are_those_of_the_pooled_t() -> None:
    """The difference, and the half-width of its two one-sided 95 % limits."""
    values = np.array([0.9, 1.0, 1.1, 1.0, 1.0, 1.3, 1.31, 1.25])
    signed, half = statistics.half_width(values, 5, 0.0)
    limits = scipy.stats.ttest_ind(values[5:], values[:5]).confidence_interval(0.90)

    assert (limits.low, limits.high) == pytest.approx((signed - half, signed + half))
    assert statistics.beyond_margin(values, 5, 0.0, abs(signed) - half) == pytest.approx(0.05)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("margin", [0.0, 0.1, 0.3, 0.5])
def test_a_margin_is_tested_by_the_shifted_t_test(sign: int, margin: float) -> None:
    """As scipy has it, on whichever side the reruns lie."""
    ours, theirs = np.array([0.9, 1.0, 1.1, 1.05]), np.array([1.3, 1.31])
    shifted = scipy.stats.ttest_ind(theirs - margin, ours, alternative="greater").pvalue

    assert shifted == pytest.approx(statistics.beyond_margin(sign * np.concatenate([ours, theirs]), 4, 0.0, margin))


def test_runs_without_any_spread_are_beyond_a_margin_or_are_not() -> None:
    """Nothing is left to chance; on the margin itself they are not beyond it."""
    values = np.array([1.0, 1.0, 1.5, 1.5])

    assert [0.0, 1.0, 1.0] == [statistics.beyond_margin(values, 2, 0.0, margin) for margin in (0.4, 0.5, 0.6)]


@pytest.mark.parametrize(
    ("values", "epsilon", "spread"),
    [
        ([0.95, 0.961], 0.0, 0.0005),
        ([12.0], 0.0, 0.05),
        ([-4e6, 2.0], 2**-23, 4e6 * 2**-24),
        ([-4.0, 2.5], 2**-23, 0.05),
    ],
)
def test_printed_values_spread_by_half_their_resolution(values: list[float], epsilon: float, spread: float) -> None:
    """The last digit that any of them prints, or what the dtype can tell apart at the largest of them."""
    assert spread == pytest.approx(statistics.resolution(values, epsilon))


def test_rounding_floors_the_spread() -> None:
    """Runs that print the same rounded number still have the spread of rounding."""
    floor = statistics.resolution([0.95, 0.96], 0.0)
    groups = statistics.relabellings(5, 1)

    assert pytest.approx(0.005) == floor
    assert statistics.mean_p_values(column(*[0.95] * 5, 0.96), groups, np.array([floor]))[0, 0] > 0.01


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6), st.floats(-1e3, 1e3), st.floats(0, 10), st.floats(0, 10))
def test_a_wider_margin_is_never_more_exceeded(runs: list[float], rerun: float, one: float, more: float) -> None:
    """Widening a margin makes a difference less of one."""
    values = np.array([*runs, rerun])

    narrow, wide = (statistics.beyond_margin(values, len(runs), 1e-3, margin) for margin in (one, one + more))

    assert narrow <= wide


@pytest.mark.parametrize(("mean", "deviation", "limit"), [(15.75, 0.43, 15.21), (20.75, 0.66, 19.93)])
def test_published_limits_are_reproduced(mean: float, deviation: float, limit: float) -> None:
    """MLPerf's one-sided test of reference convergence: both vectors hold for 27 or 28 reference runs and 2 others.

    https://github.com/mlcommons/training_policies/blob/master/training_rules.adoc
    """
    for reference in (27, 28):
        values = np.concatenate([_with_moments(reference, mean, deviation), _with_moments(2, mean, deviation)])
        signed, half = statistics.half_width(values, reference, 0.0)

        assert limit == round(float(mean + signed - half), 2)


def _with_moments(count: int, mean: float, deviation: float) -> np.ndarray:
    """Give values of that mean and standard deviation."""
    values = np.linspace(-1, 1, count)
    return np.asarray(mean + deviation * (values - values.mean()) / values.std(ddof=1))
