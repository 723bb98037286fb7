"""Decides between chance and change when the baseline's own runs differ: over all items of a verify as one family.

Studentized differences, and their permutation test with the largest one as its statistic: Westfall & Young,
Resampling-Based Multiple Testing (1993), section 2.3; exact where the runs can be exchanged. With few runs, Student's t
and Bonferroni.
What the runs can resolve: the noncentral t. Equivalence (TOST): Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657.
Several tests at once: Holm, Scand. J. Statist. 6 (1979) 65.
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

CERTAIN: Final = 1e-4
"""Below this, a p-value under the assumption of normal noise needs no other test."""

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


def distance_p_values(distances: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return the p-value of the reruns being farther from the nearest baseline run than those are from each other.

    Args:
        distances: (runs, runs), between the runs' curves or arrays.
        groups: (groupings, runs), true for a rerun.

    Returns: (groupings, 1). One-sided, by Student's t for the difference of the mean distances.
    """
    n, m = _sizes(groups)
    if n < 3:  # noqa: PLR2004 - with two, both are as far from the nearest
        return np.ones((len(groups), 1))
    nearest = _nearest(distances, groups)
    theirs = (nearest * groups).sum(axis=1) / m
    ours = (nearest * ~groups).sum(axis=1) / n
    squares = (((nearest - ours[:, None]) ** 2) * ~groups).sum(axis=1)
    squares += (((nearest - theirs[:, None]) ** 2) * groups).sum(axis=1)
    error = np.sqrt(squares / (n + m - 2) * (1 / n + 1 / m))
    floor = np.finfo(np.float64).tiny + 1e-12 * np.abs(distances).max()
    return np.asarray(_special().stdtr(n + m - 2, -(theirs - ours) / np.maximum(error, floor)))[:, None]


def distance_ratio(distances: Matrix, n: int) -> float:
    """Return how far the reruns are from the nearest of ``n`` baseline runs, in the mean distance of those likewise."""
    nearest = _nearest(distances, (np.arange(len(distances)) >= n)[None])[0]
    ours = float(nearest[:n].mean())
    return float(nearest[n:].mean()) / ours if ours else math.inf


def _nearest(distances: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return each run's distance from the nearest other baseline run, (groupings, runs)."""
    apart = distances + np.diag(np.full(len(distances), np.inf))
    return np.asarray(np.where(groups[:, None, :], np.inf, apart[None]).min(axis=2))


def family_p_values(p_values: Matrix, weights: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return each test's p-value, corrected for all of the family.

    Args:
        p_values: (groupings, tests); the first grouping is what really is.
        weights: (tests,), the share of each in the error rate; they sum to 1.
        groups: (groupings, runs), true for a rerun.

    With enough groupings by the distribution of the least weighted p-value over them, which assumes no more than that
    the runs can be exchanged; else by Bonferroni's inequality. That also stands below :data:`CERTAIN` where the runs
    are so few that no exchange can show what one of the reruns does not share: two scatter, the third does not.
    """
    weighted = p_values / weights
    bonferroni = np.minimum(1, weighted[0])
    if len(p_values) < ENOUGH_RELABELLINGS:
        return np.asarray(bonferroni)
    least = weighted.min(axis=1)
    exact = (least[:, None] <= weighted[0] * (1 + 1e-9)).mean(axis=0)
    if not tells_scatter(*_sizes(groups)):
        exact = np.where(bonferroni < CERTAIN, np.minimum(exact, bonferroni), exact)
    return np.asarray(exact)


def tells_scatter(n: int, m: int) -> bool:
    """Tell whether a permutation test can reject that reruns scatter of which one lies among the baseline runs."""
    return math.comb(n + m, m) * ALPHA >= n + 1


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


def half_width(values: Matrix, n: int, floor: float) -> tuple[float, float]:
    """Return the difference of the means, and the half-width of its one-sided 95 % limits, by the pooled t."""
    groups = (np.arange(len(values)) >= n)[None]
    signed = float(values[n:].mean() - values[:n].mean())
    _, pooled, _, _ = _moments(values[:, None], groups, np.array([floor]))
    m = len(values) - n
    error = float(pooled[0, 0]) * math.sqrt(1 / n + 1 / m)
    return signed, float(_special().stdtrit(n + m - 2, 1 - ALPHA)) * error


def beyond_margin(values: Matrix, n: int, floor: float, margin: float) -> float:
    """Return the p-value of the means being at most ``margin`` apart: small where they are wholly outside."""
    signed, half = half_width(values, n, floor)
    m = len(values) - n
    error = half / float(_special().stdtrit(n + m - 2, 1 - ALPHA))
    if error == 0:
        return float(abs(signed) <= margin)
    return float(_special().stdtr(n + m - 2, -(abs(signed) - margin) / error))


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
