"""Draws in what a rebuilt environment differs from the one that the lock records."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from envsnap.manifest.diff import Difference
from envsnap.report.text import printable, render


def render_differences(
    rows: Sequence[Difference],
    *,
    color: bool,
    width: int = 100,
    headings: tuple[str, str, str] = ("what", "in the lock", "rebuilt"),
) -> str:
    """Draw one row for each difference; without any, one sentence says so."""
    if not rows:
        return "no differences\n"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in (row.what, row.locked, row.found)))
    return render([table], color=color, width=width)
