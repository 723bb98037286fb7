"""A shorter rerun is compared step by step with the beginning of the baseline, and nothing is left out in silence."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.compare import OutputPair, compare_outputs
from envsnap.compare.files import begins_with
from envsnap.compare.outputs import NO_STEPS, NOTHING_BEGUN
from envsnap.compare.prefix import find_prefix
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.verdict import Verdict

Write = Callable[[str, str | bytes], Path]
Begin = Callable[..., Verdict]


def jsonl(records: Sequence[object]) -> str:
    """Records as JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def steps(count: int, *, change: dict[int, float] | None = None, jitter: float = 0.0) -> list[dict[str, float]]:
    """A loss at each step, an accuracy at each tenth; ``change`` sets the loss of a step."""
    records: list[dict[str, float]] = []
    for step in range(1, count + 1):
        records.append({"step": step, "loss": (change or {}).get(step, 1 / step + jitter)})
        if step % 10 == 0:
            records.append({"step": step, "accuracy": step / 2000 + jitter})
    return records


def table(count: int, *, change: dict[int, float] | None = None) -> str:
    """The same loss as a CSV file."""
    losses = ((change or {}).get(step, 1 / step) for step in range(1, count + 1))
    return "step,loss\n" + "".join(f"{step},{loss}\n" for step, loss in enumerate(losses, start=1))


@pytest.fixture
def begin(write: Write) -> Begin:
    """Compare files of these contents, of which the reruns may end earlier."""

    def compare(
        kind: OutputFormat,
        baselines: Sequence[str],
        reruns: Sequence[str],
        *,
        prefix: bool = True,
        tolerance: dict[str, Tolerance] | None = None,
    ) -> Verdict:
        pair = OutputPair(
            path="out",
            format=kind,
            baselines=tuple(write(f"baseline-{place}", text) for place, text in enumerate(baselines)),
            reruns=tuple(write(f"rerun-{place}", text) for place, text in enumerate(reruns)),
            tolerance=tolerance or {},
            prefix=prefix,
        )
        return compare_outputs([pair])

    return compare


def reasons(verdict: Verdict) -> list[str]:
    """Why items failed, or else the output."""
    (output,) = verdict.outputs
    return [item.reason for item in output.items if item.status != "pass"] or [output.reason]


@pytest.mark.parametrize(
    ("kind", "whole", "part"), [("jsonl", jsonl(steps(1000)), jsonl(steps(100))), ("csv", table(1000), table(100))]
)
def test_a_hundred_steps_of_a_thousand_pass(kind: OutputFormat, whole: str, part: str, begin: Begin) -> None:
    """The verdict says how many were compared; without the word for it the same rerun fails."""
    verdict = begin(kind, [whole], [part])
    (output,) = verdict.outputs

    assert ("pass", True, 100, 1000) == (verdict.status, output.bitwise, output.steps, output.baseline_steps)
    matches = "every output matches the baseline (bit for bit)"
    assert f"as far as the rerun goes, {matches}: out the first 100 of 1000 steps" == verdict.reason
    assert ("out: compared the first 100 of 1000 steps",) == verdict.notes
    assert {item.name: item.count for item in output.items}["loss"] == 100
    assert "fail" == begin(kind, [whole], [part], prefix=False).status


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_changed_step_is_told_from_one_that_the_rerun_does_not_reach(kind: OutputFormat, begin: Begin) -> None:
    """Step 50 fails a rerun of a hundred steps; step 500 only the whole."""

    def made(count: int, change: dict[int, float]) -> str:
        return table(count, change=change) if kind == "csv" else jsonl(steps(count, change=change))

    whole = made(1000, {})
    early, late = {50: 9.0}, {500: 9.0}

    assert "fail" == begin(kind, [whole], [made(100, early)]).status
    assert "from step 50 on; 1 of 100 values beyond" in reasons(begin(kind, [whole], [made(100, early)]))[0]
    assert "pass" == begin(kind, [whole], [made(100, late)]).status
    assert "fail" == begin(kind, [whole], [made(1000, late)]).status


def test_a_value_within_tolerance_passes_without_the_same_bytes(begin: Begin) -> None:
    """As in a whole rerun."""
    verdict = begin("jsonl", [jsonl(steps(40))], [jsonl(steps(20, jitter=1e-9))])

    assert ("pass", False) == (verdict.status, verdict.outputs[0].bitwise)
    assert "(within tolerance): out the first 20 of 40 steps" in verdict.reason


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([record for record in steps(100) if record["step"] != 50], "the first missing is step 50"),
        ([steps(100)[1], steps(100)[0], *steps(100)[2:]], "another order"),
        (
            [*steps(99), {"step": 100, "loss": 0.01}],
            "the rerun has 9 steps, the baseline 10; the first missing is step 100",
        ),
        ([*steps(100), {"final": 0.5}], "metric 'final' is not in the baseline"),
        (steps(1001), "the first extra is step 1001"),
    ],
    ids=["missing", "reordered", "without the last step's accuracy", "with a summary", "longer"],
)
def test_every_record_of_the_steps_counts(records: Sequence[object], said: str, begin: Begin) -> None:
    """What is missing, reordered or extra within them fails, as in a whole rerun."""
    verdict = begin("jsonl", [jsonl(steps(1000))], [jsonl(records)])

    assert "fail" == verdict.status
    assert any(said in reason for reason in reasons(verdict)), reasons(verdict)


def test_a_rerun_without_a_step_passes_nothing(begin: Begin) -> None:
    """Whatever stands before the first step."""
    head: list[object] = [{"learning-rate": 0.1}]
    verdict = begin("jsonl", [jsonl([*head, *steps(100)])], [jsonl(head)])

    assert "fail" == verdict.status
    assert "the rerun has no step to compare, the baseline has 100 steps" == verdict.outputs[0].reason
    assert "fail" == begin("csv", [table(100)], ["step,loss\n"]).status


@pytest.mark.parametrize(
    ("kind", "whole", "part"),
    [
        ("json", '{"accuracy": 0.9}', '{"accuracy": 0.5}'),
        ("json", '[{"step": 1, "loss": 1}, {"step": 2, "loss": 0.5}]', '[{"step": 1, "loss": 1}]'),
        ("jsonl", jsonl([{"loss": 1}, {"loss": 0.5}]), jsonl([{"loss": 1}])),
        ("csv", "class,f1\ncat,0.5\ndog,0.25\n", "class,f1\ncat,0.5\n"),
    ],
    ids=["summary", "document", "records without a step", "rows without a step"],
)
def test_what_counts_no_steps_is_compared_whole(kind: OutputFormat, whole: str, part: str, begin: Begin) -> None:
    """A list of anything may be cut short for any reason; the reason says what to do. Alone, it is no beginning."""
    cut, same = begin(kind, [whole], [part]), begin(kind, [whole], [whole])

    assert "fail" == cut.status
    assert cut.outputs[0].reason.endswith(NO_STEPS)
    assert ("inconclusive", NOTHING_BEGUN) == (same.status, same.reason)


def test_reruns_that_end_at_different_steps_are_no_beginning(begin: Begin) -> None:
    """Neither is taken for the measure of the other."""
    verdict = begin("jsonl", [jsonl(steps(100))], [jsonl(steps(20)), jsonl(steps(30))])

    assert ("fail", "the reruns do not end at the same step: they have 20, 30 steps") == (
        verdict.status,
        verdict.outputs[0].reason,
    )


def test_baseline_runs_that_differ_are_cut_before_they_are_judged(begin: Begin) -> None:
    """The spread of the first steps is that of the baseline's first steps, and not of what comes later."""
    baselines = [jsonl(steps(200, jitter=jitter, change={150: 40.0 * jitter})) for jitter in JITTERS]
    near, far = jsonl(steps(50, jitter=0.0005)), jsonl(steps(50, jitter=0.5))

    assert "pass" == begin("jsonl", baselines, [near], tolerance={"*": Bounds(atol=0.01)}).status
    verdict = begin("jsonl", baselines, [near])
    assert verdict.status in {"pass", "inconclusive"}
    assert all(item.status != "fail" for item in verdict.outputs[0].items)
    assert "fail" == begin("jsonl", baselines, [far]).status
    again = begin("jsonl", baselines, [jsonl(steps(50, jitter=JITTERS[2]))])
    assert ("pass", True) == (again.status, again.outputs[0].bitwise)


JITTERS = (0.0, 0.001, -0.001, 0.0004, -0.0007, 0.0002)


def test_a_baseline_run_of_other_steps_fails(begin: Begin) -> None:
    """Its own runs differ in more than numbers within the beginning."""
    other = [record for record in steps(100, jitter=0.1) if record["step"] != 5]

    assert "fail" == begin("jsonl", [jsonl(steps(100)), jsonl(other)], [jsonl(steps(50, jitter=0.05))]).status


@pytest.mark.parametrize(
    ("whole", "part", "expected"),
    [
        (b"1\n2\n", b"1\n", True),
        (b"1\n2\n", b"1", True),
        (b"1\r\n2", b"1", True),
        (b"15\n", b"1", False),
        (b"1", b"1", True),
        (b"1\n", b"1\n2\n", False),
        (b"2\n", b"1\n", False),
    ],
)
def test_a_file_begins_with_whole_lines(whole: bytes, part: bytes, expected: bool, write: Write) -> None:
    """A number that is cut short would be another number."""
    assert expected == begins_with(write("whole", whole), write("part", part))


def test_an_index_that_is_no_step_counts_none(write: Write) -> None:
    """Its rows are named by it, and not by the step beside it."""
    path = write("table.csv", "class,step,f1\ncat,1,0.5\ndog,2,0.25\n")

    assert find_prefix([path], [path], "csv", Layout(index="class")) is None
    found = find_prefix([path], [path], "csv", Layout(index="step"))
    assert found is not None
    assert ("all 2 steps", (2,)) == (str(found), found.records)


@given(st.integers(1, 40), st.integers(1, 40))
def test_any_beginning_of_a_baseline_passes(tmp_path_factory: pytest.TempPathFactory, whole: int, part: int) -> None:
    """However long; and what goes beyond the baseline fails."""
    folder = tmp_path_factory.mktemp("prefix")
    for name, count in (("whole", whole), ("part", part)):
        (folder / name).write_text(jsonl(steps(count)))
    pair = OutputPair(path="out", format="jsonl", baselines=(folder / "whole",), reruns=(folder / "part",), prefix=True)

    assert ("pass" if part <= whole else "fail") == compare_outputs([pair]).status
