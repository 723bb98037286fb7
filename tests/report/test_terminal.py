from envsnap.manifest.verdict import Divergence, ItemVerdict, OutputVerdict, Verdict
from envsnap.report.terminal import render_verdict

PASSED = OutputVerdict(
    path="metrics.jsonl",
    format="jsonl",
    status="pass",
    bitwise=True,
    items=tuple(ItemVerdict(name=f"m{i}", status="pass", dtype="float32", count=10) for i in range(9)),
)
FAILED = OutputVerdict(
    path="model.npy",
    format="npy",
    status="fail",
    reason="1 of 1 item do not match",
    items=(
        ItemVerdict(
            name="",
            status="fail",
            count=4,
            max_absolute=0.0021,
            reason="first parts at element [3] by 2.1e-03",
            first_difference=Divergence(where="element [3]", baseline="0.5", rerun="0.5021", difference=0.0021),
        ),
    ),
)


def test_verdict_is_the_last_line() -> None:
    """Whoever reads only the last line knows the result."""
    text = render_verdict(
        Verdict(status="pass", outputs=(PASSED,), reason="every output matches the baseline (bit for bit)"), color=False
    )

    assert "verdict: pass — every output matches the baseline (bit for bit)" == text.splitlines()[-1]


def test_what_failed_comes_first_and_is_explained() -> None:
    """The failing output stands above the passing one, and its reason is a sentence below the table."""
    verdict = Verdict(status="fail", outputs=(PASSED, FAILED), reason="1 of 2 outputs differs", notes=("look out",))
    text = render_verdict(verdict, color=False)

    assert text.index("model.npy") < text.index("metrics.jsonl")
    assert "model.npy: first parts at element [3] by 2.1e-03." in text
    assert "0.0021" in text
    assert "note: look out" in text


def test_many_passing_items_are_one_line() -> None:
    """Nine passing metrics become one line that counts them and their values."""
    text = render_verdict(Verdict(status="pass", outputs=(PASSED,), reason="fine"), color=False)
    row = next(line for line in text.splitlines() if "metrics.jsonl" in line)

    assert "9 items in all" in row
    assert "90" in row.split()
    assert "m3" not in text


def test_output_without_items_is_explained() -> None:
    """A file that cannot be read has no items; its own reason is told."""
    output = OutputVerdict(path="a.json", format="json", status="fail", reason="the rerun's file is empty")

    text = render_verdict(Verdict(status="fail", outputs=(output,), reason="no"), color=False)

    assert "a.json: the rerun's file is empty." in text


def test_text_from_outputs_is_shown_and_not_obeyed() -> None:
    """Markup, terminal commands and hidden characters in a metric's name are drawn as what they are."""
    item = ItemVerdict(name="[red]x\x1b[2J\u202e\ud800", status="fail", reason="bad\x07")
    output = OutputVerdict(path="[bold]a", format="json", status="fail", items=(item,))
    text = render_verdict(Verdict(status="fail", outputs=(output,), reason="[/]"), color=False, width=200)

    assert "[bold]a, [red]x\\x1b[2J\\u202e\\ud800: bad\\x07." in text
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(text)
    assert text.endswith("verdict: fail — [/]\n")


def test_color_only_when_asked_for() -> None:
    """Without colour there is no escape sequence; with it, the verdict is coloured."""
    verdict = Verdict(status="fail", outputs=(FAILED,), reason="no")

    assert "\x1b" not in render_verdict(verdict, color=False)
    assert "\x1b[1;31mfail" in render_verdict(verdict, color=True)


def test_narrow_terminals_lose_nothing() -> None:
    """Cells fold; they are not cut."""
    text = render_verdict(Verdict(status="fail", outputs=(FAILED,), reason="no"), color=False, width=40)

    assert max(len(line) for line in text.splitlines()) <= 40
    assert "…" not in text


def test_output_that_proved_nothing_is_explained() -> None:
    """An output can fail though none of its items did; its own reason is told then."""
    items = (ItemVerdict(name="s", status="ignored", reason="ignored"),)
    output = OutputVerdict(path="a.json", format="json", status="fail", reason="nothing was compared", items=items)

    assert "a.json: nothing was compared." in render_verdict(Verdict(status="fail", outputs=(output,)), color=False)
