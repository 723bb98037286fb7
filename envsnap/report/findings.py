"""Findings as text for people: grouped by kind, each with what was found."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from envsnap.manifest.finding import Finding
from envsnap.report.printable import printable

MOST = 8
"""Findings of one kind that are shown; the lock has them all."""


def render_findings(findings: Iterable[Finding]) -> str:
    """Return a heading and a few lines for each kind; "" where there is no finding."""
    ordered = sorted(findings)
    if not ordered:
        return ""
    count = "1 finding" if len(ordered) == 1 else f"{len(ordered)} findings"
    return "\n".join([f"{count}:", *_lines(ordered)]) + "\n"


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        members = list(group)
        yield from (f"  {printable(f'{kind}: {item.subject}: {item.detail}')}" for item in members[:MOST])
        if len(members) > MOST:
            yield f"  {printable(kind)}: {len(members) - MOST} more, see [[findings]] in the lock"
