"""Compares a metric or tensor of the baseline with that of the rerun, and says in a sentence what it found."""

from dataclasses import dataclass
from typing import Literal

from envsnap.compare.reading import Item, Series, Tensor
from envsnap.compare.series import dtype_of, has_steps, number_dtype, structure_gap, tally_series
from envsnap.compare.tally import Tally
from envsnap.compare.tensors import place_of, single, tally_tensors, value_at
from envsnap.compare.tolerances import ToleranceChoice, bounds_of
from envsnap.compare.wording import at, describe_bounds, quote, show
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.verdict import Divergence, ItemVerdict

Gap = Literal["none", "numbers", "structure"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An item's verdict, and of which kind its gap is: only one of ``numbers`` can be a matter of chance."""

    verdict: ItemVerdict
    gap: Gap


def compare_item(name: str, baseline: Item | None, rerun: Item | None, chosen: ToleranceChoice) -> Comparison:
    """Compare one item; None stands for an item that is not in the output."""
    if chosen.tolerance == "ignore":
        reason = f"ignored, as the tolerance {quote(chosen.pattern)} says"
        return Comparison(verdict=ItemVerdict(name=name, status="ignored", reason=reason), gap="none")
    match baseline, rerun:
        case Series(), Series():
            return _compare_series(name, baseline, rerun, chosen)
        case Tensor(), Tensor():
            return _compare_tensors(name, baseline, rerun, chosen)
        case (None, _) | (_, None):
            side = "baseline" if baseline is None else "rerun"
            kind = "tensor" if isinstance(baseline or rerun, Tensor) else "metric"
            return _structural(name, f"{kind} {quote(name)} is not in the {side}")
        case _:
            return _structural(name, "one side is an array, the other is not")


def _compare_series(name: str, baseline: Series, rerun: Series, chosen: ToleranceChoice) -> Comparison:
    dtype = dtype_of((baseline, rerun))
    gap = structure_gap(baseline, rerun)
    if gap:
        return _structural(name, gap, dtype)
    bounds = bounds_of(chosen.tolerance, chosen.precision or number_dtype((baseline, rerun)))
    integers = bounds_of(chosen.tolerance, "int")
    tally = tally_series(baseline, rerun, bounds, integers, by_digits=bool(chosen.precision))
    return _judge(name, dtype, bounds, tally, (baseline, rerun))


def _compare_tensors(name: str, baseline: Tensor, rerun: Tensor, chosen: ToleranceChoice) -> Comparison:
    if baseline.dtype != rerun.dtype:
        return _structural(name, f"the rerun's dtype is {rerun.dtype}, the baseline's {baseline.dtype}", baseline.dtype)
    if baseline.shape != rerun.shape:
        return _structural(name, f"the rerun's shape is {rerun.shape}, the baseline's {baseline.shape}", baseline.dtype)
    bounds = bounds_of(chosen.tolerance, baseline.dtype)
    return _judge(name, baseline.dtype, bounds, tally_tensors(baseline, rerun, bounds), (baseline, rerun))


def _structural(name: str, reason: str, dtype: str = "") -> Comparison:
    return Comparison(verdict=ItemVerdict(name=name, status="fail", dtype=dtype, reason=reason), gap="structure")


def _judge(name: str, dtype: str, bounds: Bounds, tally: Tally, sides: tuple[Item, Item]) -> Comparison:
    difference = _divergence(sides, tally.first_difference)
    beyond = _divergence(sides, tally.first_beyond)
    verdict = ItemVerdict(
        name=name,
        status="fail" if tally.beyond else "pass",
        dtype=dtype,
        reason=_explain(tally, bounds, sides),
        bounds=bounds,
        count=tally.count,
        differing=tally.differing,
        beyond=tally.beyond,
        max_absolute=tally.max_absolute,
        max_relative=tally.max_relative,
        first_difference=difference,
        first_beyond=beyond,
    )
    gap: Gap = "structure" if tally.broken else "numbers" if tally.beyond else "none"
    return Comparison(verdict=verdict, gap=gap)


def _explain(tally: Tally, bounds: Bounds, sides: tuple[Item, Item]) -> str:
    if tally.broken:
        return _explain_broken(tally, sides)
    if tally.first_difference is None:
        return ""
    first = _divergence(sides, tally.first_difference)
    parts = f"first parts{at(first.where)} by {first.difference or 0.0:.1e}" if first else ""
    if tally.first_beyond is None:
        return f"{parts}, within tolerance ({describe_bounds(bounds)})"
    return f"{parts}, {_explain_beyond(tally, bounds, sides)}{_hint(tally, sides)}"


def _explain_beyond(tally: Tally, bounds: Bounds, sides: tuple[Item, Item]) -> str:
    beyond = _divergence(sides, tally.first_beyond)
    start = f" from {beyond.where} on" if beyond and beyond.where else ""
    return (
        f"beyond tolerance ({describe_bounds(bounds)}){start}; {tally.beyond} of {plural(tally.count, 'value')} beyond"
    )


def _explain_broken(tally: Tally, sides: tuple[Item, Item]) -> str:
    found = _divergence(sides, tally.first_broken)
    if found is None:
        return ""
    where = at(found.where)
    if found.rerun == "NaN":
        return f"NaN{where} (baseline {found.baseline})"
    if found.baseline == "NaN":
        return f"the baseline has NaN{where}, the rerun {found.rerun}"
    return f"the rerun has {found.rerun}{where}, the baseline {found.baseline}"


def _hint(tally: Tally, sides: tuple[Item, Item]) -> str:
    """Guess at the cause from how the gap opens; the elements of a list or an array are not steps in time."""
    if not isinstance(sides[0], Series) or not has_steps(sides[0]) or tally.first_beyond is None:
        return ""
    if tally.first_beyond == 0:
        return "; a jump at the first step points to data, seed or initialisation"
    if tally.first_difference is not None and tally.first_difference < tally.first_beyond:
        return "; slow growth points to kernels or threads"
    return ""


def _divergence(sides: tuple[Item, Item], index: int | None) -> Divergence | None:
    if index is None:
        return None
    baseline, rerun = sides
    match baseline, rerun:
        case Series(), Series():
            return _series_divergence(baseline, rerun, index)
        case Tensor(), Tensor():
            return _tensor_divergence(baseline, rerun, index)
        case _:
            return None


def _series_divergence(baseline: Series, rerun: Series, index: int) -> Divergence:
    single = (
        Series(labels=("",), values=(baseline.values[index],)),
        Series(labels=("",), values=(rerun.values[index],)),
    )
    return Divergence(
        where=baseline.labels[index],
        baseline=show(baseline.values[index]),
        rerun=show(rerun.values[index]),
        difference=tally_series(*single, Bounds(), Bounds()).max_absolute,
    )


def _tensor_divergence(baseline: Tensor, rerun: Tensor, index: int) -> Divergence:
    return Divergence(
        where=place_of(baseline, index),
        baseline=value_at(baseline, index),
        rerun=value_at(rerun, index),
        difference=tally_tensors(single(baseline, index), single(rerun, index), Bounds()).max_absolute,
    )
