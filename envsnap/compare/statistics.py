"""Decides between chance and change when the baseline's own runs differ: over all items of a verify as one family.

Studentized differences, and their permutation test with the largest one as its statistic: Westfall & Young,
Resampling-Based Multiple Testing (1993), section 2.3; exact where the runs can be exchanged. With few runs, Student's t
and Bonferroni.
What the runs can resolve: the noncentral t. Equivalence (TOST): Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657.
"""

import itertools
import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

ALPHA: Final = 0.05
"""How often a verify may fail by chance where nothing changed, over all items together."""

PASS_LEVEL: Final = 0.07
"""How often the largest of unchanged differences may be too wide for a pass: some 90 of 100 unchanged jobs pass."""

CERTAIN: Final = 1e-4
"""Below this p-value reruns scatter, where they are too few for a permutation test to say so."""

SPREAD_PASS_LEVEL: Final = 0.002
"""Likewise for the spread of reruns too few for a permutation test of it, where F takes the noise for normal."""

MISSED: Final = 0.08
"""How often a change of the size that the runs are said to resolve passes in spite of it."""

POWER: Final = 0.8
"""How often the change that is named as detectable is detected."""

MULTIPLE: Final = 5.0
"""The change, in standard deviations of one run, that runs must resolve for a pass to mean something."""

ENOUGH_RELABELLINGS: Final = 40
"""From here on the least p-value of a permutation test is well below :data:`ALPHA`."""

LEAST_FOR_DISTANCE: Final = 3
"""Baseline runs: of two, both are as far from the nearest."""

MOST_RELABELLINGS: Final = 4000
MOST_RUNS: Final = 50
SPREAD_SHARE: Final = 0.2
"""Of the error rate, the part that is spent on changes of the spread; the rest is spent on changes of the mean."""

Matrix = NDArray[np.float64]


def relabellings(n: int, m: int) -> NDArray[np.bool_]:
    """Return which of ``n + m`` runs count as reruns, one row a relabelling; the first row is what really is.

    All of them where they are few; else a sample, always the same.
    """
    real = np.arange(n + m) >= n
    if math.comb(n + m, m) <= MOST_RELABELLINGS:
        chosen = itertools.combinations(range(n + m), m)
        rows = np.array([np.isin(np.arange(n + m), group) for group in chosen])
        return np.concatenate([real[None], rows[(rows != real).any(axis=1)]])
    random = np.random.default_rng(0)
    return np.array([real, *(random.permutation(real) for _ in range(MOST_RELABELLINGS - 1))])


def mean_p_values(values: Matrix, groups: NDArray[np.bool_], floors: Matrix) -> Matrix:
    """Return the two-sided p-value of each item's difference of means, for each grouping of the runs.

    Args:
        values: (runs, items).
        groups: (groupings, runs), true for a rerun.
        floors: (items,), the least standard deviation to assume.
    """
    n, m = _sizes(groups)
    distance, pooled, _, _ = _moments(values, groups, floors)
    freedom = n + m - 2
    return np.asarray(2 * _special().stdtr(freedom, -distance / (pooled * math.sqrt(1 / n + 1 / m))))


def spread_p_values(values: Matrix, groups: NDArray[np.bool_], floors: Matrix) -> Matrix:
    """Return the two-sided p-value of each item's ratio of variances (F); 1 where a group has one run alone."""
    n, m = _sizes(groups)
    if min(n, m) < 2:  # noqa: PLR2004 - one value has no spread
        return np.ones((len(groups), values.shape[1]))
    _, _, ours, theirs = _moments(values, groups, floors)
    ratio = theirs / ours
    special = _special()
    below = special.fdtr(m - 1, n - 1, ratio)
    return np.asarray(2 * np.minimum(below, special.fdtrc(m - 1, n - 1, ratio)))


def scatter_p_value(values: Matrix, n: int, floor: float) -> float:
    """Return the p-value (F, one-sided) of the reruns' wider spread, the one farthest from the baseline left out.

    One rerun that went astray is what noise that is not normal does; two are not.

    Args:
        values: (runs,), the first ``n`` of the baseline.
        n: how many they are.
        floor: the least standard deviation to assume.

    Returns: 1 where fewer than two reruns are left.
    """
    ours, theirs = values[:n], values[n:]
    near = theirs[np.argsort(np.abs(theirs - ours.mean()))[:-1]]
    if len(near) < 2:  # noqa: PLR2004 - one value has no spread
        return 1.0
    scatter = np.sqrt(((near - ours.mean()) ** 2).mean())
    ratio = scatter / max(float(deviation(ours)), floor)
    return float(_special().fdtrc(len(near), n - 1, ratio**2))


def distance_p_values(distances: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return the p-value of the reruns being farther from the nearest baseline run than those are from each other.

    Args:
        distances: (runs, runs), between the runs' curves or arrays.
        groups: (groupings, runs), true for a rerun.

    Returns: (groupings, 1). One-sided, by Student's t for the difference of the mean distances; of two runs that are
    nearest to each other the distance counts once.
    """
    n, m = _sizes(groups)
    if n < LEAST_FOR_DISTANCE:
        return np.ones((len(groups), 1))
    nearest = _nearest(distances, groups)
    theirs = (nearest * groups).sum(axis=1) / m
    ours = (nearest * ~groups).sum(axis=1) / n
    squares = (((nearest - ours[:, None]) ** 2) * ~groups).sum(axis=1)
    squares += (((nearest - theirs[:, None]) ** 2) * groups).sum(axis=1)
    error, freedom = np.sqrt(squares / (n + m - 2) * (1 / n + 1 / m)), max(n // 2 + m - 2, 1)
    floor = np.finfo(np.float64).tiny + 1e-12 * np.abs(distances).max()
    return np.asarray(_special().stdtr(freedom, -(theirs - ours) / np.maximum(error, floor)))[:, None]


def distance_ratio(distances: Matrix, n: int) -> float:
    """Return how far the reruns are from the nearest of ``n`` baseline runs, in the mean distance of those likewise."""
    nearest = _nearest(distances, (np.arange(len(distances)) >= n)[None])[0]
    ours = float(nearest[:n].mean())
    return float(nearest[n:].mean()) / ours if ours else math.inf


def _nearest(distances: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return each run's distance from the nearest other baseline run, (groupings, runs)."""
    apart = distances + np.diag(np.full(len(distances), np.inf))
    return np.asarray(np.where(groups[:, None, :], np.inf, apart[None]).min(axis=2))


def family_p_values(p_values: Matrix, weights: Matrix) -> Matrix:
    """Return each test's p-value, corrected for all of the family.

    Args:
        p_values: (groupings, tests); the first grouping is what really is.
        weights: (tests,), the share of each in the error rate; they sum to 1.

    With enough groupings by the distribution of the least weighted p-value over them, which assumes no more than that
    the runs can be exchanged; else by Bonferroni's inequality.
    """
    weighted = p_values / weights
    if len(p_values) < ENOUGH_RELABELLINGS:
        return np.asarray(np.minimum(1, weighted[0]))
    least = weighted.min(axis=1)
    return np.asarray((least[:, None] <= weighted[0] * (1 + 1e-9)).mean(axis=0))


def tells_scatter(n: int, m: int) -> bool:
    """Tell whether a permutation test can find that reruns scatter of which one lies among the baseline runs."""
    return math.comb(n + m, m) * ALPHA >= n + 1


def scale_of(values: Matrix, floor: float) -> Matrix:
    """Return the spread of each part over the closest half of all runs, which runs that went elsewhere do not widen.

    Args:
        values: (runs, parts).
        floor: the least spread to assume.

    It is the shorth, the length of the shortest interval that holds half of the numbers: Andrews et al., Robust
    Estimates of Location (1972), section 2C. It knows nothing of which runs are the reruns, which can be exchanged.
    """
    half = max(3, (len(values) + 1) // 2)
    ordered = np.sort(values, axis=0)
    return np.asarray(np.maximum((ordered[half - 1 :] - ordered[: len(ordered) - half + 1]).min(axis=0), floor))


def pass_bound(n: int, m: int, items: int) -> float:
    """Return the studentized difference up to which an item may pass: the largest of ``items`` seldom goes beyond."""
    return float(_special().stdtrit(n + m - 2, 1 - pass_level(items) / 2))


def pass_level(items: int, together: float = PASS_LEVEL) -> float:
    """Return the two-sided p-value from which on one of ``items`` may pass; ``together``: the level of all."""
    return -math.expm1(math.log1p(-together) / items)


def spread_level(n: int, m: int, items: int) -> float:
    """Return the p-value of a spread from which on one of ``items`` may pass; 0 where a permutation test decides."""
    return 0.0 if tells_scatter(n, m) else pass_level(items, SPREAD_PASS_LEVEL)


@cache
def resolved(n: int, m: int, items: int) -> float:
    """Return the change of one item, in standard deviations of a run, that passes in :data:`MISSED` of all cases."""
    return _shift_for(n, m, pass_bound(n, m, items), MISSED)


@cache
def detectable(n: int, m: int, items: int) -> float:
    """Return the change of one item, in standard deviations, that fails :data:`POWER` of the time, by Student's t."""
    level = ALPHA * (1 - SPREAD_SHARE) / items
    return _shift_for(n, m, float(_special().stdtrit(n + m - 2, 1 - level / 2)), 1 - POWER)


@cache
def runs_for(items: int, *, at_least: tuple[int, int]) -> tuple[int, int] | None:
    """Return the fewest baseline runs, and the reruns beside them, that resolve :data:`MULTIPLE`; None: too many."""
    n, m = at_least
    for total in range(n + m, 2 * MOST_RUNS):
        for reruns in range(max(m, 1), max(m, 3) + 1):
            if total - reruns >= max(n, 2) and resolved(total - reruns, reruns, items) <= MULTIPLE:
                return total - reruns, reruns
    return None


def half_width(values: Matrix, n: int, floor: float) -> tuple[Matrix, Matrix]:
    """Return the differences of the means, and the half-widths of their one-sided 95 % limits, by the pooled t.

    Args:
        values: (runs, ...), the first ``n`` of the baseline.
        n: how many they are.
        floor: the least standard deviation to assume.
    """
    columns = values.reshape(len(values), -1)
    groups = (np.arange(len(values)) >= n)[None]
    _, pooled, _, _ = _moments(columns, groups, np.full(columns.shape[1], floor))
    m = len(values) - n
    error = pooled[0].reshape(values.shape[1:]) * math.sqrt(1 / n + 1 / m)
    signed = values[n:].mean(axis=0) - values[:n].mean(axis=0)
    return np.asarray(signed), np.asarray(_special().stdtrit(n + m - 2, 1 - ALPHA) * error)


def beyond_margin(values: Matrix, n: int, floor: float, margin: Matrix | float) -> Matrix:
    """Return the p-values of the means being at most ``margin`` apart: small where they are wholly outside.

    ``values``, ``n`` and ``floor`` are those of :func:`half_width`.
    """
    signed, half = half_width(values, n, floor)
    freedom = len(values) - 2
    beyond, error = np.abs(signed) - margin, half / _special().stdtrit(freedom, 1 - ALPHA)
    with np.errstate(divide="ignore", invalid="ignore"):
        studentized = np.where(error > 0, beyond / error, np.where(beyond > 0, np.inf, -np.inf))
    return np.asarray(_special().stdtr(freedom, -studentized))


def deviation(values: Matrix) -> Matrix:
    """Return the standard deviation over the runs, (runs, ...), of numbers of any size."""
    centred = values - values.mean(axis=0)
    scale = np.maximum(np.abs(centred).max(axis=0), np.finfo(np.float64).tiny)
    return np.asarray(np.sqrt(((centred / scale) ** 2).sum(axis=0) / (len(values) - 1)) * scale)


def resolution(values: Sequence[float], epsilon: float) -> float:
    """Give the least spread that rounded values can have: half the printed quantum, or half the dtype's epsilon.

    Values that print alike may lie that far from one another; the deviation of rounding alone, a quantum over sqrt(12),
    makes too much of two or three runs that happen to print alike.
    """
    quantum = min(10.0 ** Decimal(repr(value)).as_tuple().exponent for value in values)  # type: ignore[operator] # finite
    return max(quantum, epsilon * max(abs(value) for value in values)) / 2


def _sizes(groups: NDArray[np.bool_]) -> tuple[int, int]:
    m = int(groups[0].sum())
    return groups.shape[1] - m, m


def _moments(values: Matrix, groups: NDArray[np.bool_], floors: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return |difference of means|, pooled deviation, and both variances; (groupings, items) each, floored.

    The variances are in the square of each item's own scale, where no number is too small to be squared.
    """
    n, m = _sizes(groups)
    centred = values - values.mean(axis=0)  # squares of large numbers would lose the small differences
    scale = np.maximum(np.abs(centred).max(axis=0), floors)
    scaled, least = centred / scale, floors / scale
    chosen = groups.astype(np.float64)
    theirs, ours = chosen @ scaled / m, (1 - chosen) @ scaled / n
    squares_theirs = np.maximum(chosen @ scaled**2 - m * theirs**2, 0)
    squares_ours = np.maximum((1 - chosen) @ scaled**2 - n * ours**2, 0)
    pooled = np.sqrt((squares_ours + squares_theirs) / max(n + m - 2, 1))
    return (
        np.abs(theirs - ours) * scale,
        np.maximum(pooled, least) * scale,
        np.maximum(squares_ours / max(n - 1, 1), least**2),
        np.maximum(squares_theirs / max(m - 1, 1), least**2),
    )


def _shift_for(n: int, m: int, bound: float, share: float) -> float:
    """Return the shift at which a studentized difference stays below ``bound`` in ``share`` of all cases."""
    scale, special = math.sqrt(1 / n + 1 / m), _special()
    low, high = 0.0, 1000.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if special.nctdtr(n + m - 2, middle / scale, bound) > share else (low, middle)
    return high


def _special() -> ModuleType:
    # scipy.special alone loads ten times faster than scipy.stats, which calls these same functions.
    import scipy.special  # type: ignore[import-untyped] # scipy ships no types

    return cast("ModuleType", scipy.special)
