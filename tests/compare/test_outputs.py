import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from envsnap.compare import OutputPair, compare_outputs
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.verdict import ItemVerdict, Verdict

Compare = Callable[..., Verdict]
Write = Callable[[str, str], Path]
Lines = Callable[[Sequence[object]], str]
UNDECIDED = "cannot be decided; more runs or a tolerance are needed"


def item_of(verdict: Verdict, name: str) -> ItemVerdict:
    return next(item for item in verdict.outputs[0].items if item.name == name)


def npy(array: np.ndarray, *, pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=pickle)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


def test_same_bytes_pass_bit_for_bit(compare: Compare, lines: Lines) -> None:
    """The same bytes pass, and the verdict says that they are the same."""
    verdict = compare("jsonl", [lines([1.5, 0.5])], [lines([1.5, 0.5])])

    assert "pass" == verdict.status
    assert verdict.outputs[0].bitwise
    assert "every output matches the baseline (bit for bit)" == verdict.reason
    assert "" == item_of(verdict, "loss").reason


def test_nothing_declared_fails() -> None:
    """Without outputs nothing was compared."""
    assert "fail" == compare_outputs([]).status


def test_output_without_runs_fails() -> None:
    """An output with no rerun at all was not compared."""
    verdict = compare_outputs([OutputPair(path="a.json", format="json", baselines=(Path("a"),), reruns=())])

    assert "fail" == verdict.status
    assert "there is no rerun to compare" == verdict.outputs[0].reason


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("json", "{}"),
        ("json", "[]"),
        ("json", "null"),
        ("json", '{"a": []}'),
        ("jsonl", "\n"),
        ("jsonl", '{"step": 1}\n{"step": 2}\n'),
        ("csv", "step,loss\n"),
        ("csv", "loss\n,\n".replace(",", '""')),
        ("npy", npy(np.zeros((0, 3)))),
        ("npz", npz(a=np.zeros(0))),
    ],
)
def test_equal_outputs_without_values_fail(compare: Compare, kind: OutputFormat, content: str | bytes) -> None:
    """Two outputs that hold no values are equal, but prove nothing."""
    verdict = compare(kind, [content], [content])

    assert "fail" == verdict.status
    assert "nothing was compared: the output holds no values" == verdict.outputs[0].reason


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("json", "", "it is empty"),
        ("json", '{"a": 1', "not valid JSON, or cut short"),
        ("json", '{"a": 1, "a": 2}', "key 'a' stands twice"),
        ("json", '{"a/b": 1, "a": {"b": 2}}', "both called 'a/b'"),
        ("json", "[" * 100_000 + "]" * 100_000, "nested deeper than 64 levels"),
        ("json", "[" * 70 + "1" + "]" * 70, "nested deeper than 64 levels"),
        ("json", b"\xff\xfe\xfa", "not UTF-8 text"),
        ("json", "1" * 5000, "not valid JSON"),
        ("jsonl", '{"a": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("jsonl", '{"a": 1}\n{"a": ', "line 2: it is not valid JSON, or cut short"),
        ("csv", "a,b\n1,2\n3\n", "line 3 has 1 cells, the header 2"),
        ("csv", "a,a\n1,2\n", "two columns have the same name"),
        ("csv", 'a\n"1', "not valid CSV"),
        ("npy", npy(np.ones(9))[:-1], "cut short"),
        ("npy", npy(np.ones(9)) + npy(np.ones(9)), "more bytes than its header says"),
        ("npy", npy(np.array([{}]), pickle=True), "needs pickle"),
        ("npy", npy(np.zeros(2, dtype=[("a", "f4")])), "cannot be compared"),
        ("npy", b"no array at all", "is no .npy array"),
        ("npz", npz(a=np.ones(9))[:-30], "is no .npz file, or cut short"),
        ("npz", npz(a=np.array([{}], dtype=object)), "needs pickle"),
        ("npz", npy(np.ones(3)), "is no .npz file"),
        ("safetensors", b"no tensors at all", "is no .safetensors file"),
    ],
)
def test_equal_but_unreadable_outputs_fail(
    compare: Compare, kind: OutputFormat, content: str | bytes, reason: str
) -> None:
    """The same bytes on both sides do not pass unread; the reason says what is wrong with the file."""
    verdict = compare(kind, [content], [content])

    assert "fail" == verdict.status
    assert reason in verdict.outputs[0].reason


def test_missing_and_special_files_fail(tmp_path: Path, write: Write) -> None:
    """A file that was never written, has gone, is a folder or a pipe fails at once, by name of the run."""
    good = write("good.json", '{"a": 1}')
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        str(path): compare_outputs([OutputPair(path="o", format="json", baselines=(good,), reruns=(path,))])
        .outputs[0]
        .reason
        for path in (None, tmp_path / "gone", tmp_path, tmp_path / "pipe")
    }

    prefix = "the rerun's file cannot be compared: "
    expected = {
        "None": f"{prefix}it was never written",
        str(tmp_path / "gone"): f"{prefix}it is missing",
        str(tmp_path): f"{prefix}it is no plain file",
        str(tmp_path / "pipe"): f"{prefix}it is no plain file",
    }
    assert expected == reasons


def test_oversized_text_is_refused(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text beyond the limit is refused before it is parsed."""
    monkeypatch.setattr("envsnap.compare.text.MAX_TEXT_BYTES", 4)

    assert "write arrays" in compare("json", ['{"a": 1}'], ['{"a": 1}']).outputs[0].reason


def test_oversized_archive_is_refused(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to more than the limit is refused before it is unpacked."""
    monkeypatch.setattr("envsnap.compare.arrays.MAX_UNPACKED_BYTES", 4)

    assert "unpacks to more" in compare("npz", [npz(a=np.ones(9))], [npz(a=np.ones(9))]).outputs[0].reason


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        ([0.5] * 200, [0.5] * 199, "the rerun has 199 steps, the baseline 200; the first missing is step 200"),
        ([0.5] * 2, [0.5] * 3, "the rerun has 3 steps, the baseline 2; the first extra is step 3"),
        ([0.5, 0.5312], [0.5, float("nan")], "NaN at step 2 (baseline 0.5312)"),
        ([float("nan")], [float("nan")], "NaN at step 1 (baseline NaN)"),
        ([float("nan")], [1.0], "the baseline has NaN at step 1, the rerun 1.0"),
        ([float("inf")], [float("-inf")], "the rerun has -inf at step 1, the baseline inf"),
        ([1.0], [float("inf")], "the rerun has inf at step 1, the baseline 1.0"),
        (["adam"], ["sgd"], "the rerun has 'sgd' at step 1, the baseline 'adam'"),
        ([True], [1], "the rerun has 1 at step 1, the baseline true"),
        ([None], [0], "the rerun has 0 at step 1, the baseline null"),
        ([[]], [{}], "the rerun has {} at step 1, the baseline []"),
    ],
)
def test_gap_that_no_tolerance_covers_fails(
    compare: Compare, lines: Lines, ours: list[object], theirs: list[object], reason: str
) -> None:
    """Missing steps, NaN, infinity, other text and types fail under the widest tolerance, each with its reason."""
    verdict = compare("jsonl", [lines(ours)], [lines(theirs)], {"*": Bounds(atol=1e300, rtol=1.0)})

    assert "fail" == verdict.status
    assert reason == item_of(verdict, "loss").reason


def test_nan_equals_nan_when_told(compare: Compare, lines: Lines) -> None:
    """With equal-nan a NaN in the same place is no gap."""
    content = lines([0.5, float("nan")])

    assert "pass" == compare("jsonl", [content], [content], {"loss": Bounds(equal_nan=True)}).status


def test_same_infinity_passes(compare: Compare, lines: Lines) -> None:
    """Infinity equals the same infinity."""
    assert "pass" == compare("jsonl", [lines([float("inf")])], [lines([float("inf")])]).status


def test_missing_and_extra_metrics_fail(compare: Compare) -> None:
    """A metric that only one side has is a failure that names it."""
    verdict = compare("json", ['{"a": 1, "val": {"acc": 1}}'], ['{"a": 1, "val": {"f1": 1}}'])

    assert "fail" == verdict.status
    assert "metric 'val/f1' is not in the baseline" == item_of(verdict, "val/f1").reason
    assert "metric 'val/acc' is not in the rerun" == item_of(verdict, "val/acc").reason
    assert "2 of 3 items do not match" == verdict.outputs[0].reason


def test_reason_tells_where_and_how_far(compare: Compare, lines: Lines) -> None:
    """A trajectory that grows apart says where it parts, where it leaves the tolerance, and what that points to."""
    rerun = [0.1, 0.1 + 1e-9, 0.3, 0.3]
    verdict = compare("jsonl", [lines([0.1] * 4)], [lines(rerun)], {"loss": Bounds(atol=1e-3)})
    item = item_of(verdict, "loss")

    expected = (
        "first parts at step 2 by 1.0e-09, beyond tolerance (rtol 0, atol 0.001) from step 3 on; "
        "2 of 4 values beyond; slow growth points to kernels or threads"
    )
    assert expected == item.reason
    assert (4, 3, 2) == (item.count, item.differing, item.beyond)
    assert item.first_beyond is not None
    assert ("step 3", "0.1", "0.3") == (item.first_beyond.where, item.first_beyond.baseline, item.first_beyond.rerun)
    assert pytest.approx(0.2) == item.max_absolute
    assert pytest.approx(2.0) == item.max_relative


def test_jump_at_first_step_points_to_data_or_seed(compare: Compare, lines: Lines) -> None:
    """A gap that is there from the start is not a matter of kernels."""
    verdict = compare("jsonl", [lines([0.1, 0.2])], [lines([0.3, 0.4])])

    assert item_of(verdict, "loss").reason.endswith("a jump at the first step points to data, seed or initialisation")


def test_entries_of_a_list_are_no_steps(compare: Compare) -> None:
    """Nothing is guessed from where in a list a gap begins."""
    verdict = compare("json", ['{"a": [0.1, 0.2]}'], ['{"a": [0.3, 0.4]}'])

    assert item_of(verdict, "a").reason.endswith("from [0] on; 2 of 2 values beyond")


def test_ignored_items_are_told_and_prove_nothing(compare: Compare) -> None:
    """An ignored metric may differ or be missing; an output with nothing else fails."""
    ours, theirs = '{"seconds": 1.5, "acc": 0.5}', '{"seconds": 9.5, "acc": 0.5}'
    verdict = compare("json", [ours], [theirs], {"sec*": "ignore"})
    everything = compare("json", [ours], [theirs], {"*": "ignore"})

    assert "pass" == verdict.status
    assert "ignored, as the tolerance 'sec*' says" == item_of(verdict, "seconds").reason
    assert "fail" == everything.status
    assert "nothing was compared: every item with a value is ignored" == everything.outputs[0].reason


def test_ignoring_all_metrics_leaves_steps_as_no_proof(compare: Compare, lines: Lines) -> None:
    """Equal step numbers alone prove nothing."""
    assert "fail" == compare("jsonl", [lines([1.5])], [lines([2.5])], {"*": "ignore"}).status


def test_steps_are_exact_under_a_wide_tolerance(compare: Compare) -> None:
    """A glob is meant for metrics: a rerun that skips a step does not pass by it."""
    verdict = compare("csv", ["step,loss\n1,0.5\n2,0.5\n"], ["step,loss\n1,0.5\n3,0.5\n"], {"*": Bounds(atol=9)})

    assert "fail" == verdict.status
    assert "the steps differ; the first missing is step 2" == item_of(verdict, "loss").reason


@pytest.mark.parametrize("runs", [1, 3])
def test_a_step_that_is_not_the_place_is_exact_too(compare: Compare, runs: int) -> None:
    """Of step and epoch one names the place; the other is held to its number unless it is named outright."""
    ours = [f'{{"step": 1, "epoch": 1, "loss": 0.{place}}}\n' for place in range(runs)]
    theirs = '{"step": 1, "epoch": 2, "loss": 0.0}\n'
    wide = Bounds(atol=9)

    assert "fail" == item_of(compare("jsonl", ours, [theirs], {"*": wide}), "epoch").status
    assert "pass" == item_of(compare("jsonl", ours[:1], [theirs], {"*": wide, "epoch": wide}), "epoch").status


def test_an_item_that_one_of_three_reruns_lacks_fails(compare: Compare) -> None:
    """Also where the others have it, and where the baseline's runs differ."""
    whole, part = '{"a": 1.5, "b": 2.5}', '{"a": 1.5}'

    for baselines in ([whole], [whole, '{"a": 1.25, "b": 2.5}']):
        verdict = compare("json", baselines, [whole, part, whole], {"*": Bounds(atol=9)})
        assert ("fail", "fail") == (verdict.status, item_of(verdict, "b").status)


def test_ignored_item_names_no_rerun(compare: Compare) -> None:
    """Nothing of it is anybody's fault."""
    texts = ['{"a": 1, "b": 1}', '{"a": 1, "b": 2}', '{"a": 1, "b": 3}']

    verdict = compare("json", texts[:1], texts, {"b": "ignore"})

    assert "ignored, as the tolerance 'b' says" == item_of(verdict, "b").reason


def test_unused_tolerance_of_an_archive_is_of_tensors(compare: Compare) -> None:
    """They are no metrics."""
    arrays = npz(weight=np.ones(3))

    verdict = compare("npz", [arrays], [arrays], {"bias": "exact"})

    assert ("tolerance 'bias' in out matches no tensor",) == verdict.notes


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"a": 1.5, "b": 2.5}, "1 of 2 outputs differs from the baseline: b.json"),
        ({"a": 2.5, "b": 2.5}, "2 of 2 outputs differ from the baseline: a.json, b.json"),
        ({"a": 1.5, "b": 1.5}, "every output matches the baseline (bit for bit)"),
    ],
)
@pytest.mark.parametrize("recorded", [2, 1])
def test_the_whole_names_the_outputs_that_are_concerned(
    write: Write, texts: dict[str, float], reason: str, recorded: int
) -> None:
    """In one sentence; a baseline of one run leaves the same ones undecided."""
    pairs = [
        OutputPair(
            path=f"{name}.json",
            format="json",
            baselines=(write(f"{name}-ours", '{"x": 1.5}'),),
            reruns=(write(f"{name}-theirs", f'{{"x": {value}}}'),),
            recorded=recorded,
        )
        for name, value in texts.items()
    ]

    verdict = compare_outputs(pairs)

    undecided = reason.replace("differs from the baseline", UNDECIDED).replace("differ from the baseline", UNDECIDED)
    assert (reason if recorded > 1 else undecided) == verdict.reason


def test_what_was_not_compared_says_why(write: Write) -> None:
    """There is nothing to compare with, or nothing to compare."""
    file = write("x", "1")
    nothing = compare_outputs([])

    assert ((), (), "no outputs are declared, so nothing was compared") == (
        nothing.outputs, nothing.notes, nothing.reason
    )  # fmt: skip
    for ours, theirs, what in (((), (file,), "baseline"), ((file,), (), "rerun")):
        verdict = compare_outputs([OutputPair(path="out", format="json", baselines=ours, reruns=theirs)])
        assert ("json", f"there is no {what} to compare") == (verdict.outputs[0].format, verdict.outputs[0].reason)


def test_unused_tolerance_is_a_note(compare: Compare) -> None:
    """A pattern that matches nothing is most likely a typing error, and is told."""
    verdict = compare("json", ['{"a": 1}'], ['{"a": 1}'], {"val/*": "exact", "*": "auto"})

    assert ("tolerance 'val/*' in out matches no metric",) == verdict.notes


def test_worst_rerun_counts(compare: Compare, lines: Lines) -> None:
    """One bad rerun of three fails the item, and is named."""
    good, bad = lines([0.5]), lines([0.75])
    verdict = compare("jsonl", [good], [good, bad, good])

    assert "fail" == verdict.status
    assert item_of(verdict, "loss").reason.startswith("rerun 2: first parts at step 1")


def test_rerun_that_repeats_a_later_baseline_run_passes(compare: Compare, lines: Lines) -> None:
    """Each recorded run is the baseline: its very bytes are a match."""
    verdict = compare("jsonl", [lines([0.5]), lines([0.75])], [lines([0.75])], {"*": "exact"})

    assert "pass" == verdict.status
    assert verdict.outputs[0].bitwise


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (np.zeros(3), np.zeros(4), "the rerun's shape is (4,), the baseline's (3,)"),
        (np.zeros(3, "f4"), np.zeros(3, "f8"), "the rerun's dtype is float64, the baseline's float32"),
        (np.zeros((2, 2)), np.array([[0, 0], [np.nan, 0]]), "NaN at element [1, 0] (baseline 0.0)"),
    ],
)
def test_arrays_of_another_kind_fail(compare: Compare, ours: np.ndarray, theirs: np.ndarray, reason: str) -> None:
    """Another shape, another dtype and NaN fail under the widest tolerance."""
    verdict = compare("npy", [npy(ours)], [npy(theirs)], {"*": Bounds(atol=1e300)})

    assert "fail" == verdict.status
    assert reason == item_of(verdict, "").reason


def test_missing_tensor_is_named(compare: Compare) -> None:
    """A tensor that is not there is a failure."""
    verdict = compare("npz", [npz(a=np.ones(2), b=np.ones(2))], [npz(a=np.ones(2))])

    assert "tensor 'b' is not in the rerun" == item_of(verdict, "b").reason


def test_key_order_does_not_matter(compare: Compare) -> None:
    """Objects are compared by key."""
    verdict = compare("json", ['{"a": 1.5, "b": {"c": 2, "d": 3}}'], ['{"b": {"d": 3, "c": 2}, "a": 1.5}'])

    assert "pass" == verdict.status
    assert not verdict.outputs[0].bitwise
    assert "every output matches the baseline (within tolerance)" == verdict.reason


def test_baseline_that_differs_is_judged_by_its_own_spread(compare: Compare, lines: Lines) -> None:
    """With five runs, a rerun within their spread passes, and one far outside fails, each with the numbers."""
    baselines = [lines([1.0, 0.90 + i * 0.0101]) for i in range(5)]
    inside = compare("jsonl", baselines, [lines([1.0, value]) for value in (0.9199, 0.9251, 0.9133)])
    outside = compare("jsonl", baselines, [lines([1.0, value]) for value in (1.4, 1.41, 1.39)])

    assert ("pass", "fail") == (inside.status, outside.status)
    assert "0.91943 in the reruns, 0.9202 +- 0.016 in the baseline" in item_of(inside, "loss").reason
    assert "more than chance explains" in item_of(outside, "loss").reason
    assert "the 5 baseline runs of out are not the same bytes" == inside.notes[0]
    assert inside.notes[1].startswith(
        "5 baseline runs and 3 reruns were compared over 2 numbers together: where nothing"
    )


def test_reruns_that_scatter_around_the_right_mean_fail(compare: Compare, lines: Lines) -> None:
    """The spread is judged beside the mean."""
    baselines = [lines([0.9 + i * 0.001]) for i in (-2, 0, 1, 2, -1)]

    verdict = compare("jsonl", baselines, [lines([value]) for value in (0.1, 0.9, 1.7)])

    assert "fail" == verdict.status
    assert "spreads by 0.8 in the reruns, by 0.00158 in the baseline" in item_of(verdict, "loss").reason


@pytest.mark.parametrize("kind", ["curve", "list", "table"])
def test_all_of_a_metric_is_judged_and_not_its_end(compare: Compare, kind: str) -> None:
    """Another way to the same end, or another class of the same mean."""
    random = np.random.default_rng(0)

    def content(values: np.ndarray) -> str:
        if kind == "table":
            return "accuracy\n" + "".join(f"{value}\n" for value in values)
        if kind == "list":
            return json.dumps({"per_class": values.tolist()})
        return "".join(json.dumps({"step": step, "loss": value}) + "\n" for step, value in enumerate(values))

    def run(change: float) -> str:
        values = 1 + 0.01 * random.standard_normal(40)
        values[5:10] += change
        return content(values)

    baselines = [run(0) for _ in range(10)]
    same = compare("csv" if kind == "table" else "jsonl", baselines, [run(0) for _ in range(3)])
    other = compare("csv" if kind == "table" else "jsonl", baselines, [run(0.2) for _ in range(3)])

    assert ("pass", "fail") == (same.status, other.status)


def test_one_run_does_not_show_that_a_job_repeats_itself(tmp_path: Path) -> None:
    """A difference is then inconclusive, unless the user gave a tolerance; the same bytes pass."""
    for name, text in (("one", '{"a": 0.5}'), ("near", '{"a": 0.50000001}'), ("far", '{"a": 0.6}')):
        (tmp_path / name).write_text(text)

    def status(rerun: str, tolerance: Tolerance | None = None) -> str:
        pair = OutputPair(
            path="out",
            format="json",
            baselines=(tmp_path / "one",),
            reruns=(tmp_path / rerun,),
            tolerance={} if tolerance is None else {"a": tolerance},
            recorded=1,
        )
        return compare_outputs([pair]).status

    assert ["pass", "inconclusive", "inconclusive"] == [status(rerun) for rerun in ("one", "near", "far")]
    assert ["pass", "fail"] == [status(rerun, Bounds(rtol=0.01)) for rerun in ("near", "far")]
    assert "fail" == status("near", "exact")


def test_two_differing_baseline_runs_are_too_few(compare: Compare, lines: Lines) -> None:
    """Two runs cannot tell chance from change: inconclusive, with the number that can."""
    verdict = compare("jsonl", [lines([0.90]), lines([0.91])], [lines([0.92])])

    assert "inconclusive" == verdict.status
    assert item_of(verdict, "loss").reason.endswith(
        "these runs could miss a change of 20 times their spread; freeze with runs = 3 and verify with --runs 2, or "
        "give a tolerance"
    )


def test_margin_is_tested_for_equivalence(compare: Compare, lines: Lines) -> None:
    """With explicit bounds the margin decides: inside passes, outside fails, on the edge more runs are needed."""
    baselines = [lines([0.900 + i * 0.001]) for i in range(5)]
    tolerance = {"loss": Bounds(atol=0.0035)}
    statuses = [
        compare("jsonl", baselines, [lines([value + i * 0.001]) for i in range(3)], tolerance).status
        for value in (0.9009, 0.950, 0.9043)
    ]

    assert ["pass", "fail", "inconclusive"] == statuses


def test_nan_in_rerun_fails_however_wide_the_baseline_spreads(compare: Compare, lines: Lines) -> None:
    """Chance does not make a NaN."""
    verdict = compare("jsonl", [lines([0.5]), lines([0.9])], [lines([float("nan")])])

    assert "fail" == verdict.status


def test_exact_cannot_be_met_by_a_baseline_that_differs(compare: Compare, lines: Lines) -> None:
    """An exact tolerance on a job that does not repeat itself fails, and says what to do."""
    verdict = compare("jsonl", [lines([0.5]), lines([0.9])], [lines([0.7])], {"*": "exact"})

    assert "fail" == verdict.status
    assert "give a tolerance" in item_of(verdict, "loss").reason


def test_tensors_of_a_baseline_that_differs_are_judged_by_their_distance(compare: Compare) -> None:
    """To the nearest baseline run, against the distances of those among themselves; two runs say too little."""
    random = np.random.default_rng(1)
    runs = [npy(random.standard_normal(500)) for _ in range(13)]
    moved = [npy(random.standard_normal(500) + 3 * np.sign(np.arange(500) % 2 - 0.5)) for _ in range(3)]

    assert "pass" == compare("npy", runs[:10], runs[10:]).status
    assert "fail" == compare("npy", runs[:10], moved).status
    assert "inconclusive" == compare("npy", runs[:2], runs[2:3]).status


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("0.1234567", "0.1234569", "pass"),
        ("12.35", "12.36", "pass"),
        ("12.35", "12.37", "fail"),
        ("12.35", "12.352", "fail"),
        ("12", "13", "fail"),
        ("1.0", "1.00001", "pass"),
        ("1.0", "1.1", "pass"),
    ],
)
def test_printed_float32_is_held_to_float32_and_its_last_digit(
    tmp_path: Path, one: str, other: str, status: str
) -> None:
    """With ``precision``; integers stay exact. Without it, text numbers are held to float64."""
    for name, text in (("one", one), ("other", other)):
        (tmp_path / name).write_text(f'{{"a": {text}}}')

    def verdict(layout: Layout) -> str:
        pair = OutputPair(
            path="out", format="json", baselines=(tmp_path / "one",), reruns=(tmp_path / "other",), layout=layout
        )
        return compare_outputs([pair]).status

    assert (status, "fail") == (verdict(Layout(precision="float32")), verdict(Layout()))


def test_a_tensor_whose_own_runs_break_the_tolerance_is_inconclusive(compare: Compare) -> None:
    """Within it a rerun passes; beyond it nothing can be said of one that the baseline itself does not keep."""
    runs = [npy(np.array([0.5, value])) for value in (0.5, 0.75, 0.6, 0.501)]
    tolerance = {"*": Bounds(atol=0.01)}

    beyond = compare("npy", runs[:2], [runs[2]], tolerance)

    assert "inconclusive" == beyond.status
    expected = "the baseline's own runs differ by 0.25; give a tolerance at least that wide"
    assert expected == item_of(beyond, "").reason
    assert "pass" == compare("npy", runs[:2], [runs[3]], tolerance).status
    assert "fail" == compare("npy", [runs[0], runs[3]], [runs[2]], tolerance).status
