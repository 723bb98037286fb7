"""Compares all outputs of a job and forms the verdict; here it is decided what a pass must have earned."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from envsnap.compare.files import begins_with, check_file, have_same_bytes, read_output
from envsnap.compare.hiding import hiding_notes
from envsnap.compare.items import Comparison, compare_item
from envsnap.compare.prefix import Prefix, find_prefix
from envsnap.compare.reading import Item, Reading, Series, Tensor
from envsnap.compare.repeats import Course, Repeated, judge_together, keep, weigh
from envsnap.compare.tables import PLAIN
from envsnap.compare.tolerances import ToleranceChoice, choose, choose_for_step, find_unmatched
from envsnap.compare.wording import quote
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Tolerance
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict

Role = Literal["baseline", "rerun"]
NO_STEPS = (
    "it counts no steps, so it was compared whole, which a shorter run does not repeat: verify a profile whose outputs "
    "leave it out"
)
NOTHING_BEGUN = "every output matches, but none counts steps, so there is no beginning to compare: leave --prefix out"


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
        prefix: whether the reruns may end earlier: compared are the steps that they have.
    """

    path: str
    format: OutputFormat
    baselines: tuple[Path | None, ...]
    reruns: tuple[Path | None, ...]
    tolerance: dict[str, Tolerance] = field(default_factory=dict)
    layout: Layout = PLAIN
    recorded: int = 2
    prefix: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunItem:
    """What is kept of an item of a run: of text not the values, so that no more than two files are held at once.

    Args:
        from_first: beside the first baseline run's; ``from_reference``: beside the one that the run is held against.
        kept: what it takes to judge it with those of all runs; None also where there is one baseline run alone.
        is_step: it counts steps.
    """

    from_first: Comparison
    from_reference: Comparison
    kept: Course | Tensor | None
    is_step: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """A run's file, compared; ``bitwise``: it has the bytes of a baseline run."""

    items: Mapping[str, _RunItem]
    bitwise: bool


def compare_outputs(pairs: Sequence[OutputPair]) -> Verdict:
    """Compare every output. Nothing passes that was not compared: a file that cannot be read is a failed output."""
    compared = [_compare_output(pair) for pair in pairs]
    repeated = [item for one in compared for item in one.items if isinstance(item, Repeated)]
    judged, sentence = judge_together(repeated)
    verdicts = iter(judged)
    outputs = tuple(_conclude(one, verdicts) for one in compared)
    whole = (f"{output.path}: {NO_STEPS}" for output in outputs if output.reason.endswith(NO_STEPS))
    notes = (*(note for one in compared for note in one.notes), *([sentence] if sentence else []), *whole)
    if not outputs:
        return Verdict(
            status="fail", outputs=(), reason="no outputs are declared, so nothing was compared", notes=notes
        )
    status = _worst([output.status for output in outputs])
    reason = _summarize(outputs, status, by_spread=bool(repeated))
    prefixes = [f"{one.pair.path} {one.prefix}" for one in compared if one.prefix is not None]
    if status == "pass" and prefixes:
        reason = f"as far as the rerun goes, {reason}: {', '.join(prefixes)}"
    elif status == "pass" and any(pair.prefix for pair in pairs):
        status, reason = "inconclusive", NOTHING_BEGUN
    return Verdict(status=status, outputs=outputs, reason=reason, notes=notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """An output whose items are decided, or wait for those of all outputs; ``reason``: why it cannot be compared."""

    pair: OutputPair
    items: tuple[ItemVerdict | Repeated, ...] = ()
    steps: frozenset[str] = frozenset()
    bitwise: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()
    prefix: Prefix | None = None


def _compare_output(pair: OutputPair) -> _Compared:
    if not pair.baselines or not pair.reruns:
        return _Compared(pair=pair, reason=f"there is no {'rerun' if pair.baselines else 'baseline'} to compare")
    try:
        prefix = find_prefix(pair.baselines, pair.reruns, pair.format, pair.layout) if pair.prefix else None
        with _told("baseline", 0, pair.baselines):
            first = read_output(pair.baselines[0], pair.format, pair.layout, prefix.records[0] if prefix else None)
        own = [_compare_run(pair, first, "baseline", place, prefix) for place in range(1, len(pair.baselines))]
        reruns = [_compare_run(pair, first, "rerun", place, prefix) for place in range(len(pair.reruns))]
    except OutputError as error:
        return _Compared(pair=pair, reason=str(error))
    names = sorted({*first, *(name for run in (*own, *reruns) for name in run.items)})
    steps = {name for name, item in first.items() if _is_step(item)}
    return _Compared(
        pair=pair,
        items=tuple(_judge(name, first, own, reruns, pair) for name in names),
        steps=frozenset(steps | {name for run in own for name, item in run.items.items() if item.is_step}),
        bitwise=all(run.bitwise for run in reruns),
        notes=_notes(pair, first, names, prefix),
        prefix=prefix,
    )


def _compare_run(pair: OutputPair, first: Reading, role: Role, place: int, prefix: Prefix | None) -> _Run:
    """Read a run's file and compare it; one that has the bytes of the first baseline run's is not read again."""
    paths, references = (pair.reruns, pair.baselines) if role == "rerun" else (pair.baselines, pair.baselines[:1])
    records = prefix.records[place] if prefix and role == "baseline" else None
    with _told(role, place, paths):
        twin = _twin(check_file(paths[place]), references, prefix if role == "rerun" else None)
        reading = first if twin == 0 else read_output(paths[place], pair.format, pair.layout, records)
    return _Run(
        items={name: _compare_name(name, first, reading, pair, twin=twin) for name in {**first, **reading}},
        bitwise=twin is not None,
    )


@contextmanager
def _told(role: Role, place: int, paths: Sequence[Path | None]) -> Iterator[None]:
    """Tell of an error which run's file it is in."""
    try:
        yield
    except OutputError as error:
        whose = f"the {role}'s file" if len(paths) == 1 else f"the file of {role} run {place + 1}"
        raise OutputError(f"{whose} cannot be compared: {error}") from error


def _compare_name(name: str, first: Reading, reading: Reading, pair: OutputPair, *, twin: int | None) -> _RunItem:
    """``twin``: the baseline run that has the same bytes, against which the run then is held."""
    ours, theirs = first.get(name), reading.get(name)
    is_step = _is_step(ours) or _is_step(theirs)
    chosen = _choose(name, pair, is_step=is_step)
    from_first = compare_item(name, ours, theirs, chosen)
    return _RunItem(
        from_first=from_first,
        from_reference=compare_item(name, theirs, theirs, chosen) if twin else from_first,
        kept=keep(theirs, chosen) if len(pair.baselines) > 1 else None,
        is_step=is_step,
    )


def _twin(path: Path, baselines: Sequence[Path | None], prefix: Prefix | None) -> int | None:
    """Find the baseline run with the same bytes, as far as a rerun goes: it is the one that a rerun has repeated."""
    for place, baseline in enumerate(baselines):
        if prefix is None:
            same = have_same_bytes(path, check_file(baseline))
        else:
            same = prefix.records[place] == prefix.rerun and begins_with(check_file(baseline), path)
        if same:
            return place
    return None


def _judge(
    name: str, first: Reading, own: Sequence[_Run], reruns: Sequence[_Run], pair: OutputPair
) -> ItemVerdict | Repeated:
    absent = _compare_name(name, first, {}, pair, twin=None)
    others = [run.items.get(name, absent) for run in (*own, *reruns)]
    chosen = _choose(name, pair, is_step=any(item.is_step for item in others))
    worst = _worst_rerun([item.from_reference for item in others[len(own) :]])
    if own:
        kept = [keep(first.get(name), chosen), *(item.kept for item in others)]
        bitwise = all(run.bitwise for run in reruns)
        return weigh(worst, [item.from_first for item in others], kept, len(own) + 1, chosen, bitwise=bitwise)
    return _of_one_run(worst, chosen) if pair.recorded == 1 else worst.verdict


def _of_one_run(compared: Comparison, chosen: ToleranceChoice) -> ItemVerdict:
    """Doubt a difference where nothing shows whether the job repeats itself, unless the user gave a tolerance."""
    verdict = compared.verdict
    if compared.gap == "structure" or chosen.tolerance != "auto" or not verdict.differing:
        return verdict
    doubt = "one baseline run does not show whether the job repeats itself: freeze with runs = 2, or give a tolerance"
    return msgspec.structs.replace(verdict, status="inconclusive", reason=f"{verdict.reason}; {doubt}")


def _choose(name: str, pair: OutputPair, *, is_step: bool) -> ToleranceChoice:
    if is_step:
        return choose_for_step(name, pair.tolerance)
    return replace(choose(name, pair.tolerance), precision=pair.layout.precision or "")


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
    pair, prefix = compared.pair, compared.prefix
    if pair.prefix and prefix is None and status == "fail" and not compared.reason:
        reason = f"{reason}; {NO_STEPS}"
    return OutputVerdict(
        path=pair.path,
        format=pair.format,
        status=status,
        bitwise=compared.bitwise,
        reason=reason,
        items=items,
        steps=prefix.steps if prefix else None,
        baseline_steps=prefix.recorded if prefix else None,
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


def _is_step(item: Item | None) -> bool:
    return isinstance(item, Series) and item.is_step


def _notes(pair: OutputPair, first: Reading, names: Sequence[str], prefix: Prefix | None) -> tuple[str, ...]:
    kind = "tensor" if pair.format in ("npy", "npz", "safetensors") else "metric"
    unmatched = find_unmatched(pair.tolerance, names) if prefix is None or prefix.steps == prefix.recorded else ()
    unused = [f"tolerance {quote(pattern)} in {pair.path} matches no {kind}" for pattern in unmatched]
    if prefix is not None:
        unused.append(f"{pair.path}: compared {prefix}")
    runs = len(pair.baselines)
    spread = (f"the {runs} baseline runs of {pair.path} are not the same bytes",) if runs > 1 else ()
    return (*unused, *spread, *hiding_notes(pair.path, first, pair.tolerance, pair.layout.precision or ""))


def _worst(statuses: Sequence[Status]) -> Status:
    return "fail" if "fail" in statuses else "inconclusive" if "inconclusive" in statuses else "pass"


def _summarize(outputs: Sequence[OutputVerdict], status: Status, *, by_spread: bool) -> str:
    if status == "pass":
        tolerance = "within the spread of its own runs" if by_spread else "within tolerance"
        how = "bit for bit" if all(output.bitwise for output in outputs) else tolerance
        return f"every output matches the baseline ({how})"
    concerned = [output.path for output in outputs if output.status == status]
    what = "differ from the baseline" if len(concerned) > 1 else "differs from the baseline"
    if status == "inconclusive":
        what = "cannot be decided; more runs or a tolerance are needed"
    return f"{len(concerned)} of {plural(len(outputs), 'output')} {what}: {', '.join(concerned)}"
