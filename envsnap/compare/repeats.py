"""Judges the items of a job that does not repeat itself: is a gap wider than chance makes it?

All items of all outputs are judged together: one verify in 20 fails by chance, however many they are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from envsnap.compare import statistics
from envsnap.compare.items import Comparison
from envsnap.compare.reading import Item, Series, Tensor
from envsnap.compare.series import has_steps, number_dtype, numbers_of
from envsnap.compare.statistics import ALPHA, MULTIPLE, SPREAD_SHARE, Matrix
from envsnap.compare.tensors import distances_of
from envsnap.compare.tolerances import ToleranceChoice
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.verdict import ItemVerdict

WINDOWS: Final = 10
"""Of a curve, whose means are compared: single steps go astray by chance too often."""

NORM: Final = "its norm"
Test = Literal["mean", "spread", "distance"]
_TINY: Final = 1e-300
"""The least deviation that is assumed: of arrays that differ in the signs of zeros alone."""

LARGEST: Final = 1e300
"""Numbers that are larger are not judged: their sums are not finite."""

_EPSILON: Final = {"float32": 2.0**-23, "float64": 2.0**-52}
"""Spacing of the floats after 1: https://numpy.org/doc/stable/reference/generated/numpy.finfo.html"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Repeated:
    """An item as all runs gave it, which are not the same.

    Args:
        verdict: of the comparison value by value.
        values: (runs, 1), one number a run; ``floor`` is the deviation of its rounding.
        n: how many of the runs, the first ones, are the baseline's.
        what: which number that is.
        tolerance: the user's own, or None.
        distances: (runs, runs), how far the runs' curves or arrays are apart; None where the number is all there is.
        windows: (runs, windows), a curve's means; the values of a list.
        parts: (runs, parts), all values, where they are held to a tolerance; else the windows.
    """

    verdict: ItemVerdict
    values: Matrix
    floor: float
    n: int
    what: str
    tolerance: Bounds | None
    distances: Matrix | None
    windows: Matrix
    parts: Matrix

    @property
    def is_constant(self) -> bool:
        """Tell whether it is the same in all baseline runs, though other items are not."""
        return all(bool((runs[: self.n] == runs[0]).all()) for runs in (self.values, self.windows))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Course:
    """What is kept of a series of numbers, once it is compared value by value.

    Args:
        last: its last value, and ``dtype`` the type of all.
        windows: (windows,), the means of the parts of a curve; the values of a list.
        parts: all values, where they are to be held to a tolerance; else the windows.
        is_curve: it has more than one value.
    """

    last: float
    dtype: str
    windows: NDArray[np.float64]
    parts: NDArray[np.float64]
    is_curve: bool


def keep(item: Item | None, chosen: ToleranceChoice) -> Course | Tensor | None:
    """Return what it takes to judge an item together with those of other runs; None: it is not made of numbers."""
    if not isinstance(item, Series):
        return item
    values = numbers_of(item)
    if values is None or not len(values) or not np.abs(values).max() < LARGEST:
        return None
    windows = values
    if has_steps(item):
        windows = np.array([part.mean() for part in np.array_split(values, min(WINDOWS, len(values)))])
    return Course(
        last=float(values[-1]),
        dtype=number_dtype((item,)),
        windows=windows,
        parts=values if isinstance(chosen.tolerance, Bounds) else windows,
        is_curve=len(values) > 1,
    )


def weigh(
    compared: Comparison,
    others: Sequence[Comparison],
    kept: Sequence[Course | Tensor | None],
    n: int,
    chosen: ToleranceChoice,
    *,
    bitwise: bool,
) -> ItemVerdict | Repeated:
    """Decide what chance has no part in, or give what it takes to judge the item with all others.

    A gap that chance cannot make (a step missing, NaN, another shape) fails; and what has to be exact is.

    Args:
        compared: the rerun that is farthest from the baseline run that it is held against.
        others: each run but the first, beside the first.
        kept: of each run.
        n: how many of the runs, the first ones, are the baseline's.
        chosen: the tolerance.
        bitwise: every rerun's file has the bytes of a baseline run's.
    """
    verdict = compared.verdict
    own = others[: n - 1]
    if compared.gap == "structure" or all(one.gap == "none" and not one.verdict.differing for one in others):
        return verdict
    if any(one.gap == "structure" for one in own):
        return _with(verdict, "fail", "the baseline's own runs differ in more than numbers")
    if bitwise:
        return verdict
    spread = max(one.verdict.max_absolute or 0.0 for one in own)
    if chosen.tolerance in ("exact", Bounds()):
        advice = f"the baseline's own runs differ by {spread:.2g}, so no rerun can be exact; give a tolerance"
        return _with(verdict, "fail", advice) if spread and verdict.status == "fail" else verdict
    given = chosen.tolerance if isinstance(chosen.tolerance, Bounds) else None
    repeated = repeated_of(verdict, kept, n, given)
    if repeated is None and verdict.status == "fail" and any(one.gap == "numbers" for one in own):
        advice = f"the baseline's own runs differ by {spread:.2g}; give a tolerance at least that wide"
        return _with(verdict, "inconclusive", advice)
    return repeated or verdict


def judge_together(repeated: Sequence[Repeated]) -> tuple[tuple[ItemVerdict, ...], str]:
    """Judge items of one baseline and one set of reruns as one family; say in a sentence what was tested.

    Every verdict is held to the same error rate, for a fail and for a pass; ``""`` where there is nothing to judge.
    """
    if not repeated:
        return (), ""
    n, m = repeated[0].n, len(repeated[0].values) - repeated[0].n
    free = [item for item in repeated if item.tolerance is None]
    held = [item for item in repeated if item.tolerance is not None]
    by_chance = iter(_judge_free(free, n, m, len(repeated)))
    by_margin = iter(_judge_held(held, n, m, len(repeated)))
    verdicts = tuple(next(by_chance if item.tolerance is None else by_margin) for item in repeated)
    return verdicts, _sentence(n, m, _numbers(free), len(held))


def _sentence(n: int, m: int, numbers: int, held: int) -> str:
    runs = f"{plural(n, 'baseline run')} and {plural(m, 'rerun')}"
    if not numbers:
        return f"{runs}, {plural(held, 'item')} held to the tolerances given, with 95 % limits of the runs' own spread"
    return (
        f"{runs} were compared over {plural(numbers, 'number')} together: where nothing changed, {100 * ALPHA:.0f} "
        f"of 100 such verifies fail; a change of {statistics.detectable(n, m, numbers):.1f} times the spread of one "
        "run fails in 80 of 100"
    )


def _numbers(items: Sequence[Repeated]) -> int:
    return sum(1 if item.distances is None else 2 for item in items)


def _judge_free(items: Sequence[Repeated], n: int, m: int, family: int) -> Iterator[ItemVerdict]:
    if not items:
        return
    groups = statistics.relabellings(n, m)
    values, floors = np.hstack([item.values for item in items]), np.array([item.floor for item in items])
    means = statistics.mean_p_values(values, groups, floors)
    spreads = statistics.spread_p_values(values, groups, floors)
    apart = [_apart_p_values(item, item.distances, groups) for item in items if item.distances is not None]
    has_spread = m > 1 and len(groups) >= statistics.ENOUGH_RELABELLINGS
    shares, by_spread = _shares(items, has_spread=has_spread), spreads if has_spread else np.ones_like(spreads)
    corrected = statistics.family_p_values(np.hstack([means, by_spread, *apart]), shares / shares.sum())
    limit, count = ALPHA * len(items) / family, _numbers(items)
    level, spread_level = statistics.pass_level(count), statistics.spread_level(n, m, len(items))
    distances = iter(zip(apart, corrected[2 * len(items) :], strict=True))
    for place, item in enumerate(items):
        found: dict[Test, float] = {"mean": corrected[place], "spread": corrected[len(items) + place]}
        near = means[0, place] < level
        if item.distances is not None:
            p_values, found["distance"] = next(distances)
            near |= p_values[0, 0] < level
        worst = min(found, key=found.__getitem__)
        p_value = float(found[worst])
        if p_value > limit and spreads[0, place] < spread_level and _is_wider(item):
            worst, near = "spread", True
            scatter = len(items) * statistics.scatter_p_value(item.values[:, 0], n, item.floor)
            p_value = scatter if scatter < statistics.CERTAIN else p_value
        yield _free_verdict(item, m, count, p_value=p_value, test=worst, limit=limit, near=bool(near))


def _apart_p_values(item: Repeated, distances: Matrix, groups: NDArray[np.bool_]) -> Matrix:
    """Return the p-value of a curve or an array being another, for each grouping of the runs: (groupings, 1).

    Where the groupings are too few to tell how distances scatter, a curve or list is judged by the means of its parts.
    """
    parts = item.windows.shape[1]
    if parts == 1 or (len(groups) >= statistics.ENOUGH_RELABELLINGS and item.n >= statistics.LEAST_FOR_DISTANCE):
        return statistics.distance_p_values(distances, groups)
    by_part = statistics.mean_p_values(item.windows, groups, np.full(parts, item.floor))
    return np.asarray(np.minimum(1, parts * by_part.min(axis=1, keepdims=True)))


def _is_wider(item: Repeated) -> bool:
    ours, theirs = (statistics.deviation(runs) for runs in (item.values[: item.n, 0], item.values[item.n :, 0]))
    return bool(theirs > ours)


def _shares(items: Sequence[Repeated], *, has_spread: bool) -> Matrix:
    """Share out the error rate: half of a curve's to its distance, of the rest a part to the spread.

    ``has_spread``: a permutation test is made; without one nothing is said of noise that is not normal, whose spread
    varies a lot.
    """
    curve = [0.0 if item.distances is None else 0.5 for item in items]
    spread = SPREAD_SHARE if has_spread else 1e-9
    means = [(1 - half) * (1 - spread) for half in curve]
    return np.array([*means, *((1 - half) * spread for half in curve), *(half for half in curve if half)])


def _free_verdict(  # noqa: PLR0913 - all that the sentence needs
    item: Repeated, m: int, count: int, *, p_value: float, test: Test, limit: float, near: bool
) -> ItemVerdict:
    found = _found(item, test)
    if p_value <= limit:
        return _with(item.verdict, "fail", f"{found}: more than chance explains (p = {p_value:.2g} over all items)")
    if item.what == NORM and item.n < statistics.LEAST_FOR_DISTANCE:
        doubt = "two baseline runs do not show how far apart its values are; freeze with runs = 3, or give a tolerance"
        return _with(item.verdict, "inconclusive", f"{found}; {doubt}")
    resolved = statistics.resolved(item.n, m, count)
    if resolved > MULTIPLE:
        advice = _runs_advice(count, item.n, m)
        doubt = f"these runs could miss a change of {resolved:.2g} times their spread; {advice}"
        return _with(item.verdict, "inconclusive", f"{found}; {doubt}")
    if item.is_constant and item.verdict.status == "fail":
        doubt = "all baseline runs had the same; rerun more often to decide"
        return _with(item.verdict, "inconclusive", f"{found}: {doubt}")
    if near:
        doubt = "too much to be called the same, too little to be called a change; rerun more often to decide"
        return _with(item.verdict, "inconclusive", f"{found}: {doubt}")
    return _with(item.verdict, "pass", f"{found}, no more than chance explains")


def _runs_advice(count: int, n: int, m: int) -> str:
    needed = statistics.runs_for(count, at_least=(n, m))
    if needed is None:
        return "give a tolerance"
    runs, reruns = needed
    wishes = [f"freeze with runs = {runs}"] if runs > n else []
    wishes += [f"verify with --runs {reruns}"] if reruns > m else []
    return f"{' and '.join(wishes)}, or give a tolerance"


def _found(item: Repeated, test: Test) -> str:
    """Say how far the reruns are from the baseline, in its own spread."""
    ours, theirs = item.values[: item.n, 0], item.values[item.n :, 0]
    if test == "distance" and item.distances is not None:
        times = statistics.distance_ratio(item.distances, item.n)
        reruns = "the reruns are" if len(theirs) > 1 else "the rerun is"
        if math.isinf(times):
            return f"{reruns} apart from the baseline runs, which are alike"
        return f"{reruns} {times:.3g} times as far from the nearest baseline run as those are from each other"
    deviation = max(float(statistics.deviation(ours)), item.floor)
    if test == "spread":
        other = max(float(statistics.deviation(theirs)), item.floor)
        return f"{item.what} spreads by {other:.3g} in the reruns, by {deviation:.3g} in the baseline"
    moved = abs(float(theirs.mean() - ours.mean())) / deviation
    reruns = f"{theirs.mean():.5g} in the rerun{'s' * (len(theirs) > 1)}"
    baseline = f"{ours.mean():.5g} +- {deviation:.2g} in the baseline"
    return f"{item.what} is {reruns}, {baseline}: {moved:.2g} times its spread away"


def _judge_held(items: Sequence[Repeated], n: int, m: int, family: int) -> Iterator[ItemVerdict]:
    for item in items:
        assert item.tolerance is not None  # noqa: S101 - these are the ones that have one
        yield _held_verdict(item, item.tolerance, n, m, ALPHA / family)


def _held_verdict(item: Repeated, bounds: Bounds, n: int, m: int, level: float) -> ItemVerdict:
    """Pass where the whole interval of every part lies within the margin; fail where one value lies wholly outside."""
    margins = bounds.atol + bounds.rtol * np.abs(item.windows[:n].mean(axis=0))
    signed, halves = statistics.half_width(item.windows, n, item.floor)
    worst = int((np.abs(signed) + halves - margins).argmax())
    moved, half, margin = abs(float(signed[worst])), float(halves[worst]), float(margins[worst])
    parts = len(margins)
    where = "" if parts == 1 else f"in part {worst + 1} of {parts}, "
    apart = f"the reruns' mean is {moved:.3g} +- {half:.2g} from the baseline's"
    said = f"{where}{apart}, the tolerance allows {margin:.3g}"
    if float(statistics.beyond_margin(item.windows, n, item.floor, margins).min()) <= level / parts:
        return _with(item.verdict, "fail", f"{said}: more than chance explains")
    astray = _astray(item, bounds, n, level)
    if astray is not None:
        return _with(item.verdict, "fail", astray)
    if bool((np.abs(signed) + halves <= margins).all()):
        return _with(item.verdict, "pass", said)
    return _with(item.verdict, "inconclusive", f"{said}; {_margin_advice(item, half, margin, moved, m)}")


def _astray(item: Repeated, bounds: Bounds, n: int, level: float) -> str | None:
    """Say which single value lies wholly outside its margin; of a curve, one that the mean of its part hides."""
    margins = bounds.atol + bounds.rtol * np.abs(item.parts[:n].mean(axis=0))
    tails = statistics.beyond_margin(item.parts, n, item.floor, margins)
    place = int(tails.argmin())
    if float(tails[place]) > level / len(tails):
        return None
    reruns, baseline = float(item.parts[n:, place].mean()), float(item.parts[:n, place].mean())
    return (
        f"value {place + 1} of {len(tails)} is {reruns:.5g} in the reruns, {baseline:.5g} in the baseline, the "
        f"tolerance allows {float(margins[place]):.3g}: more than chance explains"
    )


def _margin_advice(item: Repeated, half: float, margin: float, moved: float, m: int) -> str:
    """Say how often to run, where the means stay as they are: the half-width shrinks with the root of the runs."""
    room = margin - moved
    if room <= 0:
        return "that is too much, but chance may explain it: only more runs, or another tolerance, can decide"
    factor = half / room * (half / room)  # ** would raise where this is infinite
    if not max(item.n, m) * factor <= 10 * statistics.MOST_RUNS:
        return "the tolerance is narrower than runs can show; widen it"
    return f"about {math.ceil(item.n * factor)} baseline runs and {math.ceil(m * factor)} reruns would decide"


def repeated_of(
    verdict: ItemVerdict, runs: Sequence[Course | Tensor | None], n: int, given: Bounds | None
) -> Repeated | None:
    """Give what it takes to judge an item, from the same structure in all runs; None: it is not made of numbers."""
    courses = [run for run in runs if isinstance(run, Course)]
    if len(courses) == len(runs) and len({course.parts.shape for course in courses}) == 1:
        return _repeated_series(verdict, courses, n, given)
    tensors = [run for run in runs if isinstance(run, Tensor)]
    distances = distances_of(tensors) if given is None and len(tensors) == len(runs) else None
    if distances is None:
        return None
    norms = np.sqrt(distances.norms)[:, None]
    return Repeated(
        verdict=verdict,
        values=norms,
        floor=max(float(norms.max()) * 1e-12, _TINY),
        n=n,
        what=NORM,
        tolerance=None,
        distances=np.sqrt(distances.squares),
        windows=norms,
        parts=norms,
    )


def _repeated_series(verdict: ItemVerdict, courses: Sequence[Course], n: int, given: Bounds | None) -> Repeated:
    last = [course.last for course in courses]
    epsilon = min((_EPSILON[course.dtype] for course in courses if course.dtype in _EPSILON), default=0.0)
    floor = max(statistics.resolution(last, epsilon), _TINY)
    is_curve = courses[0].is_curve
    windows = np.array([course.windows for course in courses])
    return Repeated(
        verdict=verdict,
        values=np.array(last)[:, None],
        floor=floor,
        n=n,
        what="its last value" if is_curve else "it",
        tolerance=given,
        distances=_apart(windows, floor) if is_curve and given is None else None,
        windows=windows,
        parts=np.array([course.parts for course in courses]),
    )


def _apart(curves: Matrix, floor: float) -> Matrix:
    """Return the distance of each two curves, every part of them in its own spread."""
    scaled = curves / statistics.scale_of(curves, floor)
    return np.asarray(np.linalg.norm(scaled[:, None, :] - scaled[None, :, :], axis=2))


def _with(verdict: ItemVerdict, status: str, reason: str) -> ItemVerdict:
    return msgspec.structs.replace(verdict, status=status, reason=reason)
