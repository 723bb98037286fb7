"""Draws a verdict for people: what failed first, then what passed, then the verdict as the last line."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.report.printable import printable, render

MANY_PASSES = 5
"""More passing items of one output than this become one line: what matters is what did not pass."""

_STYLES: dict[Status, str] = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "ignored": "dim"}
_ORDER: tuple[Status, ...] = ("fail", "inconclusive", "pass", "ignored")
_HEADINGS = ("output", "item", "verdict", "values", "max difference", "first parts at")


def render_verdict(verdict: Verdict, *, color: bool, width: int = 100) -> str:
    """Draw a table of all items, the reasons as sentences, the notes, and the verdict as the last line."""
    parts: list[RenderableType] = []
    if verdict.outputs:
        parts.append(_table(verdict))
    parts.extend(_reasons(verdict))
    parts.extend(Text(f"note: {printable(note)}") for note in verdict.notes)
    last = Text.assemble("verdict: ", (verdict.status, _STYLES[verdict.status]), f" — {printable(verdict.reason)}")
    return render([*parts, last], color=color, width=width)


def _table(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(
            heading, justify="right" if heading in ("values", "max difference") else "left", overflow="fold"
        )
    for output in sorted(verdict.outputs, key=lambda one: _ORDER.index(one.status)):
        for cells in _rows(output):
            table.add_row(*cells)
    return table


def _rows(output: OutputVerdict) -> Iterator[tuple[Text, ...]]:
    if not output.items:
        yield _row(output.path, "", output.status, "", "", "")
        return
    passed = [item for item in output.items if item.status == "pass"]
    collapsed = len(passed) > MANY_PASSES
    for item in sorted(output.items, key=lambda one: _ORDER.index(one.status)):
        if item.status != "pass" or not collapsed:
            yield _item_row(output, item)
    if collapsed:
        yield _collapsed_row(output, passed)


def _item_row(output: OutputVerdict, item: ItemVerdict) -> tuple[Text, ...]:
    values = "" if item.status == "ignored" else str(item.count)
    parted = item.first_difference.where if item.first_difference else ""
    return _row(output.path, item.name, item.status, values, _distance(item.max_absolute), parted)


def _collapsed_row(output: OutputVerdict, passed: list[ItemVerdict]) -> tuple[Text, ...]:
    others = "more" if len(passed) < len(output.items) else "in all"
    largest = max((item.max_absolute for item in passed if item.max_absolute is not None), default=None)
    values = str(sum(item.count for item in passed))
    return _row(output.path, f"{len(passed)} items {others}", "pass", values, _distance(largest), "")


def _row(path: str, name: str, status: Status, *rest: str) -> tuple[Text, ...]:
    plain = (Text(printable(cell)) for cell in rest)
    return Text(printable(path)), Text(printable(name)), Text(status, style=_STYLES[status]), *plain


def _distance(largest: float | None) -> str:
    return "0" if largest is None else f"{largest:.2g}"


def _reasons(verdict: Verdict) -> Iterator[Text]:
    for status in _ORDER[:2]:
        for output in verdict.outputs:
            if output.status == status and not output.items:
                yield _sentence(output.path, "", output.reason, status)
            for item in output.items:
                if item.status == status:
                    yield _sentence(output.path, item.name, item.reason, status)
            if output.status == status and output.items and all(item.status != status for item in output.items):
                yield _sentence(output.path, "", output.reason, status)


def _sentence(path: str, name: str, reason: str, status: Status) -> Text:
    place = f"{path}, {name}" if name else path
    return Text.assemble((printable(place), _STYLES[status]), f": {printable(reason)}.")
