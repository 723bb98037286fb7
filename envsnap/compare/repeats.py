"""Judges an item whose baseline does not repeat itself: is the gap wider than chance makes it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from envsnap.compare.items import Comparison, compare_item
from envsnap.compare.reading import Item, Series
from envsnap.compare.series import dtype_of, is_number
from envsnap.compare.statistics import Judgement, holm, judge_equivalence, judge_prediction, resolution
from envsnap.compare.tolerances import ToleranceChoice
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.verdict import ItemVerdict

_EPSILON: Final = {"float32": 2.0**-23, "float64": 2.0**-52}
"""Spacing of the floats after 1: https://numpy.org/doc/stable/reference/generated/numpy.finfo.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedItem:
    """An item's verdict, with the judgement that it rests on where statistics were needed."""

    verdict: ItemVerdict
    judgement: Judgement | None = None


def weigh(
    name: str,
    compared: Comparison,
    baselines: Sequence[Item | None],
    reruns: Sequence[Item | None],
    chosen: ToleranceChoice,
) -> JudgedItem:
    """Give an item that lies outside its tolerance the benefit of the doubt that the baseline's own spread earns.

    A gap that chance cannot make (a step missing, NaN, another shape) fails; so does any gap where the baseline's runs
    keep the tolerance among themselves.
    """
    verdict = compared.verdict
    among = [compare_item(name, baselines[0], other, chosen) for other in baselines[1:]]
    if compared.gap != "numbers" or all(one.gap == "none" for one in among):
        return JudgedItem(verdict=verdict)
    if any(one.gap == "structure" for one in among):
        return JudgedItem(verdict=_with(verdict, "fail", "the baseline's own runs differ in more than numbers"))
    spread = max(one.verdict.max_absolute or 0.0 for one in among)
    if chosen.tolerance == "exact" or chosen.tolerance == Bounds():
        advice = f"the baseline's own runs differ by {spread:.2g}, so no rerun can be exact; give a tolerance"
        return JudgedItem(verdict=_with(verdict, "fail", advice))
    finals = _finals(baselines, reruns)
    if finals is None:
        advice = f"the baseline's own runs differ by {spread:.2g}; give a tolerance at least that wide"
        return JudgedItem(verdict=_with(verdict, "inconclusive", advice))
    return _judge(verdict, finals, chosen, dtype_of(item for item in (*baselines, *reruns) if isinstance(item, Series)))


def correct_for_many(weighed: Sequence[JudgedItem]) -> tuple[ItemVerdict, ...]:
    """Let a statistical failure stand only if it stands among all of them: one in twenty fails by chance."""
    judged = [one.judgement.p_value for one in weighed if one.judgement]
    significant = iter(holm(judged))
    return tuple(_corrected(one, stands=next(significant)) if one.judgement else one.verdict for one in weighed)


def _corrected(weighed: JudgedItem, *, stands: bool) -> ItemVerdict:
    if stands or weighed.verdict.status != "fail":
        return weighed.verdict
    doubt = "with this many items one such gap is likely by chance; rerun more often to decide"
    return _with(weighed.verdict, "inconclusive", f"{weighed.verdict.reason}; {doubt}")


def _judge(
    verdict: ItemVerdict, finals: tuple[list[float], list[float]], chosen: ToleranceChoice, dtype: str
) -> JudgedItem:
    ours, theirs = finals
    floor = resolution((*ours, *theirs), _EPSILON.get(dtype, 0.0))
    if isinstance(chosen.tolerance, Bounds):
        margin = chosen.tolerance.atol + chosen.tolerance.rtol * abs(math.fsum(ours) / len(ours))
        judgement = judge_equivalence(ours, theirs, margin=margin, floor=floor)
    else:
        judgement = judge_prediction(ours, theirs, floor=floor)
    prefix = f"the baseline does not repeat itself; final value of {len(ours)} baseline runs and {len(theirs)} reruns"
    return JudgedItem(verdict=_with(verdict, judgement.status, f"{prefix}: {judgement.reason}"), judgement=judgement)


def _finals(baselines: Sequence[Item | None], reruns: Sequence[Item | None]) -> tuple[list[float], list[float]] | None:
    ours, theirs = [_final(item) for item in baselines], [_final(item) for item in reruns]
    known_ours = [value for value in ours if value is not None]
    known_theirs = [value for value in theirs if value is not None]
    whole = len(known_ours) == len(ours) and len(known_theirs) == len(theirs)
    return (known_ours, known_theirs) if whole else None


def _final(item: Item | None) -> float | None:
    if not isinstance(item, Series) or not item.values or not is_number(item.values[-1]):
        return None
    try:
        value = float(item.values[-1])  # type: ignore[arg-type] # a number, as asked above
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _with(verdict: ItemVerdict, status: str, reason: str) -> ItemVerdict:
    return msgspec.structs.replace(verdict, status=status, reason=reason)
