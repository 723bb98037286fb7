"""Compares all outputs of a job and forms the verdict; here it is decided what a pass must have earned."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from envsnap.compare.files import have_same_bytes, read_output
from envsnap.compare.items import Comparison, compare_item
from envsnap.compare.reading import Item, Reading, Series
from envsnap.compare.repeats import JudgedItem, correct_for_many, weigh
from envsnap.compare.tolerances import ToleranceChoice, choose, choose_for_step, unmatched
from envsnap.compare.wording import plural, quote
from envsnap.errors import OutputError
from envsnap.manifest.outcome import OutputFormat
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
    """

    path: str
    format: OutputFormat
    baselines: tuple[Path | None, ...]
    reruns: tuple[Path | None, ...]
    tolerance: dict[str, Tolerance] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunReadings:
    """The readings of all runs; ``references[i]`` is the baseline run that rerun ``i`` is held against."""

    baselines: tuple[Reading, ...]
    reruns: tuple[Reading, ...]
    references: tuple[Reading, ...]
    bitwise: bool


def compare_outputs(pairs: Sequence[OutputPair]) -> Verdict:
    """Compare every output. Nothing passes that was not compared: a file that cannot be read is a failed output."""
    results = [_compare_output(pair) for pair in pairs]
    outputs = tuple(output for output, _ in results)
    notes = tuple(note for _, found in results for note in found)
    if not outputs:
        return Verdict(
            status="fail", outputs=(), reason="no outputs are declared, so nothing was compared", notes=notes
        )
    status = _worst([output.status for output in outputs])
    return Verdict(status=status, outputs=outputs, reason=_summarize(outputs, status), notes=notes)


def _compare_output(pair: OutputPair) -> tuple[OutputVerdict, tuple[str, ...]]:
    try:
        sides = _read_sides(pair)
    except OutputError as error:
        return OutputVerdict(path=pair.path, format=pair.format, status="fail", reason=str(error)), ()
    names = sorted({name for reading in (*sides.baselines, *sides.reruns) for name in reading})
    items = correct_for_many([_compare_name(name, sides, pair) for name in names])
    return _conclude(pair, sides, items), _notes(pair, sides, names)


def _read_sides(pair: OutputPair) -> _RunReadings:
    if not pair.baselines or not pair.reruns:
        raise OutputError(f"there is no {'rerun' if pair.baselines else 'baseline'} to compare")
    baselines = _read_all(pair.baselines, pair.format, "baseline")
    reruns = _read_all(pair.reruns, pair.format, "rerun")
    twins = [_twin(path, pair.baselines) for path in pair.reruns]
    return _RunReadings(
        baselines=baselines,
        reruns=reruns,
        references=tuple(baselines[twin or 0] for twin in twins),
        bitwise=all(twin is not None for twin in twins),
    )


def _read_all(paths: Sequence[Path | None], kind: OutputFormat, role: str) -> tuple[Reading, ...]:
    readings = []
    for number, path in enumerate(paths, start=1):
        whose = f"the {role}'s file" if len(paths) == 1 else f"the file of {role} run {number}"
        try:
            readings.append(read_output(path, kind))
        except OutputError as error:
            raise OutputError(f"{whose} cannot be compared: {error}") from error
    return tuple(readings)


def _twin(path: Path | None, baselines: Sequence[Path | None]) -> int | None:
    """Find the baseline run with the same bytes: it is the one that a rerun has repeated."""
    for index, baseline in enumerate(baselines):
        if path is not None and baseline is not None and have_same_bytes(path, baseline):
            return index
    return None


def _compare_name(name: str, sides: _RunReadings, pair: OutputPair) -> JudgedItem:
    baselines = [reading.get(name) for reading in sides.baselines]
    reruns = [reading.get(name) for reading in sides.reruns]
    chosen = _choose(name, (*baselines, *reruns), pair)
    compared = [
        compare_item(name, reference.get(name), rerun, chosen)
        for reference, rerun in zip(sides.references, reruns, strict=True)
    ]
    worst = _worst_rerun(compared)
    if worst.verdict.status == "fail" and len(baselines) > 1:
        return weigh(name, worst, baselines, reruns, chosen)
    return JudgedItem(verdict=worst.verdict)


def _choose(name: str, items: Sequence[Item | None], pair: OutputPair) -> ToleranceChoice:
    is_step = any(isinstance(item, Series) and item.is_step for item in items)
    return choose_for_step(name, pair.tolerance) if is_step else choose(name, pair.tolerance)


def _worst_rerun(compared: Sequence[Comparison]) -> Comparison:
    severity = {"none": 0, "numbers": 1, "structure": 2}
    index = max(range(len(compared)), key=lambda i: (severity[compared[i].gap], compared[i].verdict.differing, -i))
    worst = compared[index]
    if len(compared) == 1 or not worst.verdict.reason or worst.verdict.status == "ignored":
        return worst
    reason = f"rerun {index + 1}: {worst.verdict.reason}"
    return Comparison(verdict=msgspec.structs.replace(worst.verdict, reason=reason), gap=worst.gap)


def _conclude(pair: OutputPair, sides: _RunReadings, items: tuple[ItemVerdict, ...]) -> OutputVerdict:
    status, reason = _status_of(items, sides)
    return OutputVerdict(
        path=pair.path, format=pair.format, status=status, bitwise=sides.bitwise, reason=reason, items=items
    )


def _status_of(items: tuple[ItemVerdict, ...], sides: _RunReadings) -> tuple[Status, str]:
    failed = [item for item in items if item.status == "fail"]
    if failed:
        return "fail", f"{len(failed)} of {plural(len(items), 'item')} do not match"
    doubtful = [item for item in items if item.status == "inconclusive"]
    if doubtful:
        return "inconclusive", f"{len(doubtful)} of {plural(len(items), 'item')} cannot be decided"
    steps = {name for reading in sides.baselines for name, item in reading.items() if _is_step(item)}
    if any(item.count for item in items if item.name not in steps):
        return "pass", ""
    if any(item.status == "ignored" for item in items):
        return "fail", "nothing was compared: every item with a value is ignored"
    return "fail", "nothing was compared: the output holds no values"


def _is_step(item: Item) -> bool:
    return isinstance(item, Series) and item.is_step


def _notes(pair: OutputPair, sides: _RunReadings, names: Sequence[str]) -> tuple[str, ...]:
    kind = "tensor" if pair.format in ("npy", "npz", "safetensors") else "metric"
    unused = (f"tolerance {quote(p)} in {pair.path} matches no {kind}" for p in unmatched(pair.tolerance, names))
    runs = len(sides.baselines)
    spread = (f"the {runs} baseline runs of {pair.path} are not the same bytes",) if runs > 1 else ()
    return (*unused, *spread)


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
