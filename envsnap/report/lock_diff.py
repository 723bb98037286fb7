"""Draws what differs between two locks, what can move numbers first, or between a lock and what was rebuilt."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from msgspec.structs import replace
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from envsnap.manifest.diff.locks import LockDiff, LockDifference, UncomparedFacts
from envsnap.manifest.diff.rebuilt import Difference
from envsnap.manifest.diff.rules import TITLES
from envsnap.manifest.phrases import plural
from envsnap.report.printable import printable, render

NOT_THERE: Final = "not there"
MANY: Final = 3
"""More facts of one kind than this, among those that cannot move numbers, become one line."""
_DIGEST = re.compile(r"\b[0-9a-f]{40,}\b")
_SHORT = 12


def render_lock_diff(diff: LockDiff, names: tuple[str, str], *, color: bool, width: int = 100) -> str:
    """Draw a table of all that differs, a line for what is the same and for what was not compared, and the sum."""
    moving = [one for one in diff.differences if one.moves_numbers]
    results = [one for one in diff.differences if one.group == "results"]
    others = [one for one in diff.differences if not one.moves_numbers and one.group != "results"]
    parts: list[RenderableType] = []
    if diff.differences:
        parts.append(_table([*moving, *results], others, names))
    same = [TITLES[group] for group in diff.same if group != "record"]
    if same:
        parts.append(Text(f"same: {', '.join(same)}"))
    parts.extend(map(_not_compared, diff.not_compared))
    return render(
        [*parts, Text(_sum(len(moving), len(results), len(others)), style="bold" if moving else "")],
        color=color,
        width=width,
    )


def render_differences(
    rows: Sequence[Difference], *, headings: tuple[str, str, str] = ("what", "in the lock", "rebuilt")
) -> str:
    """Draw one row for each difference, for a message: without colour, 100 columns wide."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in (row.what, row.locked, row.found)))
    return render([table], color=False, width=100)


def _table(grouped: Sequence[LockDifference], others: Sequence[LockDifference], names: tuple[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", *names):
        table.add_column(Text(printable(heading)), overflow="fold")
    sections = [(TITLES[group], list(rows)) for group, rows in groupby(grouped, key=lambda one: one.group)]
    if others:
        sections.append(("cannot change numbers", list(_condensed(others))))
    for number, (title, rows) in enumerate(sections):
        if number:
            table.add_row()
        table.add_row(Text(title, style="bold"))
        for row in rows:
            table.add_row(*(Text(_short(cell)) for cell in (f"  {row.what}", _side(row.a), _side(row.b))))
    return table


def _condensed(rows: Iterable[LockDifference]) -> Iterator[LockDifference]:
    """Make one row of many that differ in the same fact: which index served 200 packages is no news."""
    for (table, fact), alike in groupby(sorted(rows, key=_kind), key=_kind):
        found = list(alike)
        if len(found) <= MANY:
            yield from found
        else:
            a, b = _common([one.a for one in found]), _common([one.b for one in found])
            yield replace(found[0], what=f"{fact} of {len(found)} {table}", a=a, b=b)


def _common(values: Iterable[str | None]) -> str:
    spelled = set(map(_side, values))
    return spelled.pop() if len(spelled) == 1 else f"{len(spelled)} different ones"


def _kind(row: LockDifference) -> tuple[str, str]:
    return row.path[0], row.path[-1]


def _side(value: str | None) -> str:
    return NOT_THERE if value is None else value


def _short(text: str) -> str:
    return printable(_DIGEST.sub(lambda match: match.group()[:_SHORT], text))


def _not_compared(note: UncomparedFacts) -> Text:
    return Text(f"not compared: {', '.join(map(printable, note.what))} ({printable(note.reason)})")


def _sum(moving: int, results: int, others: int) -> str:
    if not moving + results + others:
        return "no differences"
    first = (
        f"{plural(moving, 'difference')} can change numbers" if moving else "nothing differs that can change numbers"
    )
    parts = [first]
    parts += ["the results differ"] if results else []
    parts += [f"{others} cannot" if moving else plural(others, "other difference")] if others else []
    return "; ".join(parts)
