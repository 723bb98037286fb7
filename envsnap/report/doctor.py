"""Draws a checkup for people: a table of all checks, what to do about some, and the whole as the last line."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from envsnap.manifest.checkup import Check, CheckStatus, Checkup
from envsnap.report.printable import printable, render

_STYLES: dict[CheckStatus, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_ORDER: tuple[CheckStatus, ...] = ("fail", "warn", "ok")
_LABELS: dict[CheckStatus, str] = {"fail": "fail", "warn": "warning", "ok": "note"}


def render_checkup(checkup: Checkup, *, color: bool, width: int = 100) -> str:
    """Draw one row for each check, then the advice, worst first, then the result as the last line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "what", "found", "needed"):
        table.add_column(heading, overflow="fold")
    for check in checkup.checks:
        table.add_row(Text(check.status, style=_STYLES[check.status]), *map(_plain, _cells(check)))
    parts: list[RenderableType] = [table, *_advice(checkup)]
    return render([*parts, _conclusion(checkup)], color=color, width=width)


def _cells(check: Check) -> tuple[str, str, str]:
    return check.name, check.found, check.needed


def _plain(text: str) -> Text:
    return Text(printable(text))


def _advice(checkup: Checkup) -> Iterator[Text]:
    for status in _ORDER:
        for check in checkup.checks:
            if check.status == status and check.advice:
                label = (_LABELS[status], _STYLES[status])
                yield Text.assemble(label, f": {printable(check.name)}: {printable(check.advice)}")


def _conclusion(checkup: Checkup) -> Text:
    words = _verdict(checkup)
    return Text.assemble("this machine: ", (checkup.status, _STYLES[checkup.status]), f" — {printable(words)}")


def _verdict(checkup: Checkup) -> str:
    failed = [check.name for check in checkup.checks if check.status == "fail"]
    warned = [check.name for check in checkup.checks if check.status == "warn"]
    what = f"{checkup.lock} {checkup.digest[:12]}" if checkup.lock else "a lock"
    if failed:
        return f"it cannot rebuild and rerun {what} as it is: {', '.join(failed)}"
    can = f"it can rebuild and rerun {what}" if checkup.lock else "there is no lock here; it can rebuild one"
    return f"{can}; look at {', '.join(warned)}" if warned else can
