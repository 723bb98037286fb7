"""Decides between chance and change when the baseline's own runs differ: equivalence and prediction intervals.

TOST: Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657. Prediction interval: Hahn & Meeker, Statistical
Intervals, section 4.7. Several tests at once: Holm, Scand. J. Statist. 6 (1979) 65.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Final, Literal, cast

ALPHA: Final = 0.05
ENOUGH_RUNS: Final = 5
"""Baseline runs from which the prediction interval is narrow enough (3 sigma) for a pass to mean something."""

MOST_RUNS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a test decided about one number.

    Args:
        p_value: how likely a gap this wide is when nothing changed; small for a fail.
        reason: the numbers behind it, as one clause.
    """

    status: Literal["pass", "fail", "inconclusive"]
    p_value: float
    reason: str


def judge_equivalence(baseline: Sequence[float], reruns: Sequence[float], *, margin: float, floor: float) -> Judgement:
    """Judge by the pooled-t (1 - 2 alpha) interval of the difference of means, with N + M - 2 degrees of freedom.

    Inside +-margin: pass (two one-sided tests). Wholly outside: fail. Else inconclusive, with the runs that it takes.
    ``floor`` is the least standard deviation to assume, for values that are coarsely printed.
    """
    n, m = len(baseline), len(reruns)
    difference = statistics.fmean(reruns) - statistics.fmean(baseline)
    spread = max(_pooled_deviation(baseline, reruns), floor)
    error = spread * math.sqrt(1 / n + 1 / m)
    half = _quantile(1 - ALPHA, n + m - 2) * error
    excess = abs(difference) - margin
    p_value = _tail(excess / error, n + m - 2) if error > 0 else float(excess <= 0)
    interval = f"the difference of the means is {difference:.3g} +- {half:.2g}, the margin {margin:.3g}"
    if abs(difference) + half <= margin:
        return Judgement(status="pass", p_value=p_value, reason=interval)
    if abs(difference) - half > margin:
        return Judgement(status="fail", p_value=p_value, reason=interval)
    runs = runs_needed(spread=spread, gap=abs(excess), at_least=min(n, m) + 1)
    return Judgement(status="inconclusive", p_value=p_value, reason=f"{interval}; {_ask_for(runs)}")


def judge_prediction(baseline: Sequence[float], reruns: Sequence[float], *, floor: float) -> Judgement:
    """Judge by the (1 - alpha) prediction interval of the baseline for the mean of the reruns: mean +- k s.

    Outside: fail. Inside: pass from :data:`ENOUGH_RUNS` baseline runs on; with fewer, nearly anything is inside.
    """
    n, m = len(baseline), len(reruns)
    spread = max(statistics.stdev(baseline), floor)
    difference = statistics.fmean(reruns) - statistics.fmean(baseline)
    k = prediction_factor(n, m)
    scale = spread * math.sqrt(1 / n + 1 / m)
    p_value = 2 * _tail(abs(difference) / scale, n - 1) if scale > 0 else float(difference == 0)
    interval = (
        f"the mean moved by {difference:.3g}, chance explains up to {k * spread:.2g} ({k:.3g} standard deviations)"
    )
    if abs(difference) > k * spread:
        return Judgement(status="fail", p_value=p_value, reason=interval)
    if n < ENOUGH_RUNS:
        more = f"{n} baseline runs say too little; record at least {ENOUGH_RUNS}, or give a tolerance"
        return Judgement(status="inconclusive", p_value=p_value, reason=f"{interval}; {more}")
    return Judgement(status="pass", p_value=p_value, reason=interval)


def prediction_factor(n: int, m: int) -> float:
    """Give k of the prediction interval mean +- k s for the mean of ``m`` further values after ``n``."""
    return _quantile(1 - ALPHA / 2, n - 1) * math.sqrt(1 / n + 1 / m)


def runs_needed(*, spread: float, gap: float, at_least: int) -> int | None:
    """Give the runs on each side that make the interval's half-width smaller than ``gap``; None when above 200."""
    for n in range(max(at_least, 2), MOST_RUNS + 1):
        if _quantile(1 - ALPHA, 2 * n - 2) * spread * math.sqrt(2 / n) < gap:
            return n
    return None


def holm(p_values: Sequence[float]) -> tuple[bool, ...]:
    """Tell which of several p-values are significant together at :data:`ALPHA`, by Holm's step-down procedure."""
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > ALPHA / (len(p_values) - rank):
            break
        rejected[index] = True
    return tuple(rejected)


def resolution(values: Sequence[float], epsilon: float) -> float:
    """Give the standard deviation of rounding: the printed quantum, or the dtype's epsilon, over sqrt(12)."""
    quantum = min(10.0 ** Decimal(repr(value)).as_tuple().exponent for value in values)  # type: ignore[operator] # finite
    return max(quantum, epsilon * max(abs(value) for value in values)) / math.sqrt(12)


def _quantile(probability: float, freedom: int) -> float:
    """Student's t: the value below which ``probability`` of it lies."""
    return float(_special().stdtrit(freedom, probability))


def _tail(value: float, freedom: int) -> float:
    """Student's t: the probability of more than ``value``."""
    return float(_special().stdtr(freedom, -value))


def _special() -> ModuleType:
    # scipy.special alone loads ten times faster than scipy.stats, which calls these same two functions.
    import scipy.special  # type: ignore[import-untyped] # scipy ships no types

    return cast("ModuleType", scipy.special)


def _pooled_deviation(baseline: Sequence[float], reruns: Sequence[float]) -> float:
    squares = sum((value - statistics.fmean(group)) ** 2 for group in (baseline, reruns) for value in group)
    return math.sqrt(squares / (len(baseline) + len(reruns) - 2))


def _ask_for(runs: int | None) -> str:
    if runs is None:
        return f"more than {MOST_RUNS} runs on each side are needed; the margin may be too close to the difference"
    return f"about {runs} runs on each side are needed"
