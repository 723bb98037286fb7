"""What changed of an output, in one line for a reviewer: the values that it ended with, then and now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsnap.compare.files import read_output
from envsnap.compare.reading import Item, Reading, Scalar, Series
from envsnap.compare.tables import PLAIN
from envsnap.compare.wording import at, show
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status

MOST_ITEMS: Final = 5
_ORDER: Final[tuple[Status, ...]] = ("fail", "inconclusive", "pass", "ignored")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputFiles:
    """One output's file as it was recorded and as it is now; None where it was not, or is no longer, declared."""

    before: Path | None
    after: Path | None
    format: OutputFormat
    layout: Layout = PLAIN


def describe_change(verdict: OutputVerdict, files: OutputFiles) -> str:
    """Say what changed, what failed first; of many items the first few, and how many more.

    A file that cannot be read is one about which the verdict alone tells.
    """
    if not verdict.items:
        return verdict.reason
    changed = sorted(filter(_has_changed, verdict.items), key=lambda item: _ORDER.index(item.status))
    if not changed:
        return "the same values, written in another way"
    old, new = _read(files.before, files), _read(files.after, files)
    told = [_describe(item, old.get(item.name), new.get(item.name)) for item in changed[:MOST_ITEMS]]
    rest = len(changed) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")


def _has_changed(item: ItemVerdict) -> bool:
    return item.status in {"fail", "inconclusive"} or item.differing > 0


def _read(path: Path | None, files: OutputFiles) -> Reading:
    try:
        return read_output(path, files.format, files.layout)
    except OutputError:
        return {}


def _describe(item: ItemVerdict, old: Item | None, new: Item | None) -> str:
    name = item.name or "values"
    if (old is None) != (new is None):
        return f"{name} is {'new' if old is None else 'gone'}"
    if isinstance(old, Series) and isinstance(new, Series) and old.values and new.values:
        last, now = old.values[-1], new.values[-1]
        if last != now:
            return f"{name}: {_pair(last, now)}" + (f" at the end, {_count(item)}" if item.count > 1 else "")
    return f"{name}: {', '.join(_facts(item)) or item.reason}"


def _facts(item: ItemVerdict) -> Iterator[str]:
    if item.differing:
        yield _count(item)
        if item.max_absolute:
            yield f"by at most {item.max_absolute:.3g}"
        if (first := item.first_difference) is not None:
            yield f"first{at(first.where)}: {first.baseline} -> {first.rerun}"


def _count(item: ItemVerdict) -> str:
    return f"{item.differing} of {item.count} values differ"


def _pair(old: Scalar, new: Scalar) -> str:
    """Write two values, numbers with six digits where these tell them apart."""
    if isinstance(old, float) and isinstance(new, float) and f"{old:.6g}" != f"{new:.6g}":
        return f"{old:.6g} -> {new:.6g}"
    return f"{show(old)} -> {show(new)}"
