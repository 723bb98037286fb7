"""How far a shorter rerun goes: the records of the baseline that belong to the steps which it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsnap.compare.files import check_file
from envsnap.compare.tables import PLAIN, steps_of_rows
from envsnap.compare.text import steps_of_records
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.phrases import plural


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """The beginning of an output that reruns have.

    Args:
        records: of each baseline file, how many of its records are compared.
        rerun: how many records each rerun has.
        steps: how many steps each rerun has.
        recorded: how many steps the baseline has.
    """

    records: tuple[int, ...]
    rerun: int
    steps: int
    recorded: int

    def __str__(self) -> str:
        if self.steps < self.recorded:
            return f"the first {self.steps} of {self.recorded} steps"
        return f"all {plural(self.recorded, 'step')}"


@dataclass(frozen=True, slots=True)
class _Extent:
    records: int
    steps: int


def find_prefix(
    baselines: Sequence[Path | None], reruns: Sequence[Path | None], kind: OutputFormat, layout: Layout = PLAIN
) -> Prefix | None:
    """Measure how far the reruns go; only steps are counted, as an entry of a list may stand for anything.

    Returns:
        None where the baseline counts no steps: then there is no part of it that a shorter rerun would have.

    Raises:
        OutputError: a file cannot be read, a rerun has no step, or one has more than another.
    """
    if kind not in {"jsonl", "csv"}:
        return None
    recorded = _extent(_steps(check_file(baselines[0]), kind, layout))
    if not recorded.steps:
        return None
    found = [_extent(_steps(check_file(path), kind, layout)) for path in reruns]
    if min(one.steps for one in found) == 0:
        raise OutputError(f"the rerun has no step to compare, the baseline has {plural(recorded.steps, 'step')}")
    if len({one.records for one in found}) > 1:
        told = ", ".join(str(one.steps) for one in found)
        raise OutputError(f"the reruns do not end at the same step: they have {told} steps")
    records = tuple(_cut(_steps(check_file(path), kind, layout), found[0].records) for path in baselines)
    return Prefix(records=records, rerun=found[0].records, steps=found[0].steps, recorded=recorded.steps)


def _steps(path: Path, kind: OutputFormat, layout: Layout) -> Iterator[str]:
    return steps_of_records(path) if kind == "jsonl" else steps_of_rows(path, layout)


def _extent(words: Iterator[str]) -> _Extent:
    records = steps = 0
    last = ""
    for word in words:
        records += 1
        steps += bool(word) and word != last
        last = word or last
    return _Extent(records, steps)


def _cut(words: Iterator[str], records: int) -> int:
    """Count the records that a run of so many has, and those behind them of the same step: it would lack them."""
    count, last = 0, ""
    for word in words:
        if count >= records and (not word or word != last):
            break
        count, last = count + 1, word
    return count
