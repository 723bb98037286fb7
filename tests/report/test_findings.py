"""Findings are listed by kind, few of each, and none can steer the terminal."""

from envsnap.manifest.finding import Finding
from envsnap.report.summary import MOST, render_findings


def test_nothing_found_says_nothing() -> None:
    """No heading without a finding."""
    assert "" == render_findings(())


def test_each_finding_stands_on_a_line_of_its_own() -> None:
    """By kind; control characters of a hostile name are escaped."""
    text = render_findings(
        [
            Finding(kind="tf32", subject="torch.backends.cuda.matmul", detail="allow_tf32 was True"),
            Finding(kind="edited-file", subject="demo: \x1b[2Jdemo.py", detail="another hash"),
        ]
    )

    assert [
        "2 findings:",
        r"  edited-file: demo: \x1b[2Jdemo.py: another hash",
        "  tf32: torch.backends.cuda.matmul: allow_tf32 was True",
    ] == text.splitlines()


def test_many_of_one_kind_are_counted() -> None:
    """The lock has them all."""
    found = [Finding(kind="extra-file", subject=f"f{number:03}", detail="d") for number in range(MOST + 5)]

    lines = render_findings(found).splitlines()

    assert MOST + 2 == len(lines)
    assert "  extra-file: 5 more, see [[findings]] in the lock" == lines[-1]
