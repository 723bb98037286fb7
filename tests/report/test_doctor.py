"""A checkup is drawn whole: each check a row, the worst advice first, the result on the last line."""

import pytest

from envsnap.manifest.checkup import Check, Checkup
from envsnap.report.doctor import render_checkup

OK = Check(name="uv", status="ok", found="0.9.1", advice="a hint")
WARN = Check(name="base image", status="warn", found="not here", needed="python:3.11.7", advice="it is pulled")
FAIL = Check(name="disk", status="fail", found="1 MiB", needed="1 GiB", advice="free some space")


@pytest.mark.parametrize(
    ("checks", "last"),
    [
        ((OK,), "this machine: ok — it can rebuild and rerun my.lock 0123456789ab"),
        ((OK, WARN), "this machine: warn — it can rebuild and rerun my.lock 0123456789ab; look at base image"),
        ((WARN, FAIL), "this machine: fail — it cannot rebuild and rerun my.lock 0123456789ab as it is: disk"),
    ],
)
def test_result_is_the_last_line(checks: tuple[Check, ...], last: str) -> None:
    """Whoever reads only the last line knows it, and where to look."""
    text = render_checkup(Checkup(checks=checks, lock="my.lock", digest="0123456789abcdef"), color=False)

    assert last == text.splitlines()[-1]


def test_without_a_lock_that_is_said() -> None:
    """The machine alone was looked at."""
    text = render_checkup(Checkup(checks=(OK,)), color=False)

    assert "this machine: ok — there is no lock here; it can rebuild one" == text.splitlines()[-1]


def test_advice_stands_below_the_table_worst_first() -> None:
    """Rows keep their order."""
    text = render_checkup(Checkup(checks=(OK, WARN, FAIL)), color=False)
    rows = [line.split()[0] for line in text.splitlines() if line.strip().startswith(("ok ", "warn ", "fail "))]
    advice = [line for line in text.splitlines() if line.startswith(("fail:", "warning:", "note:"))]

    assert ["ok", "warn", "fail"] == rows
    assert ["fail: disk: free some space", "warning: base image: it is pulled", "note: uv: a hint"] == advice


def test_text_from_locks_is_shown_and_not_obeyed() -> None:
    """A lock is untrusted: markup, terminal commands and hidden characters are drawn as what they are."""
    wild = Check(name="[red]\x1b[2J", status="fail", found="\u202e", needed="\x07", advice="[bold]\x1b]0;x")

    text = render_checkup(Checkup(checks=(wild,), lock="\x1b[31m.lock", digest="d"), color=False, width=200)

    assert "fail: [red]\\x1b[2J: [bold]\\x1b]0;x" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_color_only_when_asked_for() -> None:
    """Without colour there is no escape sequence."""
    assert "\x1b" not in render_checkup(Checkup(checks=(FAIL,)), color=False)
    assert "\x1b[1;31mfail" in render_checkup(Checkup(checks=(FAIL,)), color=True)
