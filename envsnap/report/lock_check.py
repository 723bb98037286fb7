"""Draws for people whether a lock fits its project: a row for each question, what to do, and the whole as the last."""

from rich.table import Table
from rich.text import Text

from envsnap.manifest.checkup import Checkup
from envsnap.report.printable import printable, render

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def render_lock_check(checkup: Checkup, *, color: bool, width: int = 100) -> str:
    """Draw what was looked at, those that do not fit with what to do about them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for check in checkup.checks:
        table.add_row(Text(check.status, style=_STYLES[check.status]), Text(printable(f"{check.name}: {check.found}")))
        if check.advice:
            table.add_row("", Text(printable(check.advice)))
    failed = dict.fromkeys(check.name for check in checkup.checks if check.status == "fail")
    fits = f"does not fit the project: {', '.join(failed)}" if failed else "fits the project"
    return render([table, Text(printable(f"{checkup.lock} {checkup.digest[:12]} {fits}"))], color=color, width=width)
