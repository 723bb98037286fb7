"""Compares all outputs of a job and forms the verdict; here it is decided what a pass must have earned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from envsnap.compare.files import have_same_bytes, read_output
from envsnap.compare.hiding import hiding_notes
from envsnap.compare.items import Comparison, compare_item
from envsnap.compare.reading import Item, Reading, Series
from envsnap.compare.repeats import Repeated, judge_together, weigh
from envsnap.compare.tables import PLAIN
from envsnap.compare.tolerances import ToleranceChoice, choose, choose_for_step, find_unmatched
from envsnap.compare.wording import quote
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Tolerance
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputPair:
    """One output of the job, as the baseline and as the reruns wrote it.

    Args:
        path: the output's path in the project.
        baselines: one file for each baseline run; one is enough when they repeat bit for bit. None: never written.
        reruns: one file for each rerun. None: never written.
        tolerance: by the name of a metric or tensor, or by a glob; what matches none is held to ``auto``.
        layout: how a text file writes its values.
        recorded: how many runs the baseline files stand for: one file is enough where all are the same.
    """

    path: str
    format: OutputFormat
    baselines: tuple[Path | None, ...]
    reruns: tuple[Path | None, ...]
    tolerance: dict[str, Tolerance] = field(default_factory=dict)
    layout: Layout = PLAIN
    recorded: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunReadings:
    """The readings of all runs; ``references[i]`` is the baseline run that rerun ``i`` is held against."""

    baselines: tuple[Reading, ...]
    reruns: tuple[Reading, ...]
    references: tuple[Reading, ...]
    bitwise: bool


def compare_outputs(pairs: Sequence[OutputPair]) -> Verdict:
    """Compare every output. Nothing passes that was not compared: a file that cannot be read is a failed output."""
    compared = [_compare_output(pair) for pair in pairs]
    repeated = [item for one in compared for item in one.items if isinstance(item, Repeated)]
    judged, sentence = judge_together(repeated)
    verdicts = iter(judged)
    outputs = tuple(_conclude(one, verdicts) for one in compared)
    notes = (*(note for one in compared for note in one.notes), *([sentence] if sentence else []))
    if not outputs:
        return Verdict(
            status="fail", outputs=(), reason="no outputs are declared, so nothing was compared", notes=notes
        )
    status = _worst([output.status for output in outputs])
    return Verdict(status=status, outputs=outputs, reason=_summarize(outputs, status), notes=notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """An output whose items are decided, or wait for those of all outputs; ``reason``: why it cannot be compared."""

    pair: OutputPair
    items: tuple[ItemVerdict | Repeated, ...] = ()
    steps: frozenset[str] = frozenset()
    bitwise: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()


def _compare_output(pair: OutputPair) -> _Compared:
    try:
        sides = _read_sides(pair)
    except OutputError as error:
        return _Compared(pair=pair, reason=str(error))
    names = sorted({name for reading in (*sides.baselines, *sides.reruns) for name in reading})
    return _Compared(
        pair=pair,
        items=tuple(_compare_name(name, sides, pair) for name in names),
        steps=frozenset(name for reading in sides.baselines for name, item in reading.items() if _is_step(item)),
        bitwise=sides.bitwise,
        notes=_notes(pair, sides, names),
    )


def _read_sides(pair: OutputPair) -> _RunReadings:
    if not pair.baselines or not pair.reruns:
        raise OutputError(f"there is no {'rerun' if pair.baselines else 'baseline'} to compare")
    baselines = _read_all(pair.baselines, pair, "baseline")
    reruns = _read_all(pair.reruns, pair, "rerun")
    twins = [_twin(path, pair.baselines) for path in pair.reruns]
    return _RunReadings(
        baselines=baselines,
        reruns=reruns,
        references=tuple(baselines[twin or 0] for twin in twins),
        bitwise=all(twin is not None for twin in twins),
    )


def _read_all(paths: Sequence[Path | None], pair: OutputPair, role: str) -> tuple[Reading, ...]:
    readings = []
    for number, path in enumerate(paths, start=1):
        whose = f"the {role}'s file" if len(paths) == 1 else f"the file of {role} run {number}"
        try:
            readings.append(read_output(path, pair.format, pair.layout))
        except OutputError as error:
            raise OutputError(f"{whose} cannot be compared: {error}") from error
    return tuple(readings)


def _twin(path: Path | None, baselines: Sequence[Path | None]) -> int | None:
    """Find the baseline run with the same bytes: it is the one that a rerun has repeated."""
    for index, baseline in enumerate(baselines):
        if path is not None and baseline is not None and have_same_bytes(path, baseline):
            return index
    return None


def _compare_name(name: str, sides: _RunReadings, pair: OutputPair) -> ItemVerdict | Repeated:
    baselines = [reading.get(name) for reading in sides.baselines]
    reruns = [reading.get(name) for reading in sides.reruns]
    chosen = _choose(name, (*baselines, *reruns), pair)
    compared = [
        compare_item(name, reference.get(name), rerun, chosen)
        for reference, rerun in zip(sides.references, reruns, strict=True)
    ]
    worst = _worst_rerun(compared)
    if len(baselines) > 1:
        return weigh(worst, baselines, reruns, chosen)
    return _of_one_run(worst, chosen) if pair.recorded == 1 else worst.verdict


def _of_one_run(compared: Comparison, chosen: ToleranceChoice) -> ItemVerdict:
    """Doubt a difference where nothing shows whether the job repeats itself, unless the user gave a tolerance."""
    verdict = compared.verdict
    if compared.gap == "structure" or chosen.tolerance != "auto" or not verdict.differing:
        return verdict
    doubt = "one baseline run does not show whether the job repeats itself: freeze with runs = 2, or give a tolerance"
    return msgspec.structs.replace(verdict, status="inconclusive", reason=f"{verdict.reason}; {doubt}")


def _choose(name: str, items: Sequence[Item | None], pair: OutputPair) -> ToleranceChoice:
    is_step = any(isinstance(item, Series) and item.is_step for item in items)
    chosen = choose_for_step(name, pair.tolerance) if is_step else choose(name, pair.tolerance)
    return chosen if is_step else replace(chosen, precision=pair.layout.precision or "")


def _worst_rerun(compared: Sequence[Comparison]) -> Comparison:
    severity = {"none": 0, "numbers": 1, "structure": 2}
    index = max(range(len(compared)), key=lambda i: (severity[compared[i].gap], compared[i].verdict.differing, -i))
    worst = compared[index]
    if len(compared) == 1 or not worst.verdict.reason or worst.verdict.status == "ignored":
        return worst
    reason = f"rerun {index + 1}: {worst.verdict.reason}"
    return Comparison(verdict=msgspec.structs.replace(worst.verdict, reason=reason), gap=worst.gap)


def _conclude(compared: _Compared, judged: Iterator[ItemVerdict]) -> OutputVerdict:
    items = tuple(next(judged) if isinstance(item, Repeated) else item for item in compared.items)
    status, reason = _status_of(items, compared)
    pair = compared.pair
    return OutputVerdict(
        path=pair.path, format=pair.format, status=status, bitwise=compared.bitwise, reason=reason, items=items
    )


def _status_of(items: tuple[ItemVerdict, ...], compared: _Compared) -> tuple[Status, str]:
    if compared.reason:
        return "fail", compared.reason
    failed = [item for item in items if item.status == "fail"]
    if failed:
        return "fail", f"{len(failed)} of {plural(len(items), 'item')} do not match"
    doubtful = [item for item in items if item.status == "inconclusive"]
    if doubtful:
        return "inconclusive", f"{len(doubtful)} of {plural(len(items), 'item')} cannot be decided"
    if any(item.count for item in items if item.name not in compared.steps):
        return "pass", ""
    if any(item.status == "ignored" for item in items):
        return "fail", "nothing was compared: every item with a value is ignored"
    return "fail", "nothing was compared: the output holds no values"


def _is_step(item: Item) -> bool:
    return isinstance(item, Series) and item.is_step


def _notes(pair: OutputPair, sides: _RunReadings, names: Sequence[str]) -> tuple[str, ...]:
    kind = "tensor" if pair.format in ("npy", "npz", "safetensors") else "metric"
    unused = (f"tolerance {quote(p)} in {pair.path} matches no {kind}" for p in find_unmatched(pair.tolerance, names))
    runs = len(sides.baselines)
    spread = (f"the {runs} baseline runs of {pair.path} are not the same bytes",) if runs > 1 else ()
    return (*unused, *spread, *hiding_notes(pair.path, sides.baselines[0], pair.tolerance, pair.layout.precision or ""))


def _worst(statuses: Sequence[Status]) -> Status:
    return "fail" if "fail" in statuses else "inconclusive" if "inconclusive" in statuses else "pass"


def _summarize(outputs: Sequence[OutputVerdict], status: Status) -> str:
    if status == "pass":
        how = "bit for bit" if all(output.bitwise for output in outputs) else "within tolerance"
        return f"every output matches the baseline ({how})"
    concerned = [output.path for output in outputs if output.status == status]
    what = "differ from the baseline" if len(concerned) > 1 else "differs from the baseline"
    if status == "inconclusive":
        what = "cannot be decided; more runs or a tolerance are needed"
    return f"{len(concerned)} of {plural(len(outputs), 'output')} {what}: {', '.join(concerned)}"
