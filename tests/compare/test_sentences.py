"""What is said of a job that does not repeat itself: what was found, and what to do next, in whole sentences."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped] # scipy ships no types

from envsnap.compare import OutputPair, compare_outputs
from envsnap.compare.repeats import _runs_advice
from envsnap.compare.statistics import MULTIPLE, resolved
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.verdict import Verdict

FIVE = (1.0, 1.1, 0.9, 1.05, 0.95)
THREE = (1.0, 1.1, 0.9)
LEVEL = "where nothing changed, 5 of 100 such verifies fail"


@pytest.fixture
def judge(tmp_path: Path) -> "Judge":
    return Judge(tmp_path)


class Judge:
    """Compares a metric called loss, of baseline runs and reruns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        baselines: Sequence[object],
        reruns: Sequence[object],
        tolerance: Tolerance | None = None,
        recorded: int = 2,
    ) -> Verdict:
        return compare_outputs([self.pair(baselines, reruns, tolerance, recorded)])

    def pair(
        self,
        baselines: Sequence[object],
        reruns: Sequence[object],
        tolerance: Tolerance | None = None,
        recorded: int = 2,
    ) -> OutputPair:
        """Write the files of the runs."""
        return OutputPair(
            path="out.json",
            format="json",
            baselines=self._written("baseline", baselines),
            reruns=self._written("rerun", reruns),
            tolerance={} if tolerance is None else {"loss": tolerance},
            recorded=recorded,
        )

    def _written(self, role: str, values: Sequence[object]) -> tuple[Path, ...]:
        paths = tuple(self._folder / f"{role}-{number}.json" for number in range(len(values)))
        for path, value in zip(paths, values, strict=True):
            path.write_text(json.dumps({"loss": value}))
        return paths


def said(verdict: Verdict) -> tuple[str, str]:
    (output,) = verdict.outputs
    (item,) = output.items
    assert verdict.status == output.status == item.status
    return item.status, item.reason


def limits(baselines: Sequence[float], reruns: Sequence[float]) -> tuple[float, float]:
    """The difference of the means, and the half-width of its one-sided 95 % limits: the t test's of equal variances."""
    n, m = len(baselines), len(reruns)
    pooled = math.sqrt((np.var(baselines) * n + np.var(reruns) * m) / (n + m - 2))
    error = pooled * math.sqrt(1 / n + 1 / m)
    return abs(float(np.mean(reruns) - np.mean(baselines))), float(scipy.stats.t.ppf(0.95, n + m - 2) * error)


@pytest.mark.parametrize(
    ("reruns", "atol", "status", "ending"),
    [
        ((1.05, 0.95, 1.02), 0.5, "pass", "the tolerance allows 0.5"),
        ((3.0, 3.1, 2.9), 0.1, "fail", "the tolerance allows 0.1: more than chance explains"),
        (
            (1.05, 0.95, 1.02),
            0.1,
            "inconclusive",
            "the tolerance allows 0.1; about 7 baseline runs and 7 reruns would decide",
        ),
        (
            (1.1, 1.2, 1.15),
            0.11,
            "inconclusive",
            (
                "the tolerance allows 0.11; that is too much, but chance may explain it: only more runs, or another "
                "tolerance, can decide"
            ),
        ),
        (
            (1.05, 0.95, 1.0),
            0.004,
            "inconclusive",
            "the tolerance allows 0.004; the tolerance is narrower than runs can show; widen it",
        ),
    ],
)
def test_a_tolerance_is_the_margin_of_an_equivalence_test(
    judge: Judge, reruns: Sequence[float], atol: float, status: str, ending: str
) -> None:
    verdict = judge(THREE, reruns, Bounds(atol=atol))
    apart, half = limits(THREE, reruns)

    assert (status, f"the reruns' mean is {apart:.3g} +- {half:.2g} from the baseline's, {ending}") == said(verdict)
    assert (
        "3 baseline runs and 3 reruns, 1 item held to the tolerances given, with 95 % limits of the runs' own spread"
        == verdict.notes[-1]
    )


def test_the_runs_that_would_decide_grow_with_the_square_of_the_limits(judge: Judge) -> None:
    """Four baseline runs and two reruns of the same mean: of half the limits' width, four times as many."""
    runs = ((0.9, 1.1, 0.9, 1.1), (0.9, 1.1))
    scale = 0.1999 / limits(*runs)[1]  # so that the half-width is nearly 0.2
    baselines, reruns = ([1 + scale * (value - 1) for value in run] for run in runs)
    reruns[1] += 1e-12  # no bytes of a baseline run's

    assert said(judge(baselines, reruns, Bounds(atol=0.25)))[0] == "pass"
    status, reason = said(judge(baselines, reruns, Bounds(atol=0.1)))
    assert status == "inconclusive"
    assert reason.endswith("; about 16 baseline runs and 8 reruns would decide")


@pytest.mark.parametrize(
    ("runs", "ending"),
    [
        (500, "about 500 baseline runs and 500 reruns would decide"),
        (501, "the tolerance is narrower than runs can show; widen it"),
    ],
)
def test_no_more_runs_are_advised_than_anybody_makes(judge: Judge, runs: int, ending: str) -> None:
    """Of three runs each, ``(half / atol) ** 2`` times as many decide."""
    half = limits(THREE, THREE[::-1])[1]
    status, reason = said(judge(THREE, (1.1, 1.0, 0.9 + 1e-15), Bounds(atol=half / math.sqrt((runs - 0.5) / 3))))

    assert status == "inconclusive"
    assert reason.endswith(f"; {ending}")


def test_a_difference_as_large_as_the_tolerance_cannot_be_decided_by_the_same_means(judge: Judge) -> None:
    status, reason = said(judge((0.0, 1.0, -1.0), (0.5, 1.5, -0.5), Bounds(atol=0.5)))

    assert status == "inconclusive"
    assert reason.endswith(
        "that is too much, but chance may explain it: only more runs, or another tolerance, can decide"
    )


@pytest.mark.parametrize(
    ("baselines", "reruns", "part"),
    [
        # as far, but of the second the tolerance allows a thousandth
        ([[1000.0, 1.0], [1000.1, 1.1], [999.9, 0.9]], [[1000.5, 1.5], [1000.6, 1.6], [1000.4, 1.4]], 2),
        # the first is less far, and spreads by more
        ([[10.0, 10.0], [13.0, 10.1], [7.0, 9.9]], [[10.1, 10.3], [13.1, 10.4], [7.1, 10.2]], 1),
        # the first is far, the second spreads a little more
        ([[10.0, 10.0], [10.1, 10.2], [9.9, 9.8]], [[13.0, 10.0], [13.1, 10.2], [12.9, 9.8]], 1),
    ],
)
def test_the_worst_part_is_the_one_nearest_to_leaving_its_margin(
    judge: Judge, baselines: Sequence[object], reruns: Sequence[object], part: int
) -> None:
    assert said(judge(baselines, reruns, Bounds(rtol=0.1)))[1].startswith(f"in part {part} of 2, ")


def test_the_error_rate_holds_over_all_that_is_held_to_a_tolerance(judge: Judge) -> None:
    """A gap that is 1 in 50 by chance fails alone; it does not as one of ten metrics, or one of ten parts."""
    pooled, error = limits(FIVE, FIVE)[1], scipy.stats.t.ppf(0.95, 8)
    shift = 0.1 + scipy.stats.t.ppf(0.98, 8) * pooled / error
    moved, bounds = [value + shift for value in FIVE], Bounds(atol=0.1)
    as_parts = [
        [[value] * 9 + [other] for value, other in zip(FIVE, last, strict=True)] for last in (FIVE[::-1], moved)
    ]
    as_metrics = [[{f"m{place}": value for place, value in enumerate(run)} for run in runs] for runs in as_parts]

    assert judge(FIVE, moved, bounds).status == "fail"
    assert judge(as_parts[0], as_parts[1], bounds).status == "inconclusive"
    pair = judge.pair(as_metrics[0], as_metrics[1], bounds)
    assert compare_outputs([replace(pair, tolerance={"*": bounds})]).status == "inconclusive"


def test_a_relative_tolerance_is_of_the_baseline_mean(judge: Judge) -> None:
    status, reason = said(judge((10.0, 11.0, 9.0), (10.5, 9.5, 10.2), Bounds(rtol=0.5, atol=0.25)))

    assert status == "pass"
    assert reason.endswith("the tolerance allows 5.25")


def test_the_entry_of_a_list_that_moved_is_named(judge: Judge) -> None:
    """Each of its values is held to the tolerance."""
    runs = [[step + offset for step in range(20)] for offset in (0.0, 0.1, -0.1)]
    moved = [[step + offset + 3 * (step == 17) for step in range(20)] for offset in (0.05, -0.05, 0.0)]
    verdict = judge(runs, moved, Bounds(atol=0.5))

    assert (
        "fail",
        (
            "in part 18 of 20, the reruns' mean is 3 +- 0.14 from the baseline's, the tolerance allows 0.5: more than "
            "chance explains"
        ),
    ) == said(verdict)


@pytest.mark.parametrize(
    ("baselines", "reruns", "status", "reason"),
    [
        (
            FIVE,
            (1.02, 0.97, 1.06),
            "pass",
            (
                "it is 1.0167 in the reruns, 1 +- 0.079 in the baseline: 0.21 times its spread away, no more than "
                "chance explains"
            ),
        ),
        (
            FIVE,
            (1.2, 1.22, 1.18),
            "fail",
            (
                "it is 1.2 in the reruns, 1 +- 0.079 in the baseline: 2.5 times its spread away: more than chance "
                "explains (p = 0.036 over all items)"
            ),
        ),
        (
            FIVE,
            (1.0, 1.6, 0.3),
            "inconclusive",
            (
                "it spreads by 0.651 in the reruns, by 0.0791 in the baseline: too much to be called the same, too "
                "little to be called a change; rerun more often to decide"
            ),
        ),
        (
            (1.0, 1.1),
            (1.05,),
            "inconclusive",
            (
                "it is 1.05 in the rerun, 1.05 +- 0.071 in the baseline: 0 times its spread away; these runs could "
                "miss a change of 20 times their spread; freeze with runs = 3 and verify with --runs 2, or give a "
                "tolerance"
            ),
        ),
    ],
)
def test_what_was_found_is_said_in_the_spread_of_the_baseline(
    judge: Judge, baselines: Sequence[float], reruns: Sequence[float], status: str, reason: str
) -> None:
    assert (status, reason) == said(judge(baselines, reruns))


@pytest.mark.parametrize(
    ("baselines", "reruns", "status", "reason"),
    [
        ([1.0, "a"], [1.0], "fail", "the baseline's own runs differ in more than numbers"),
        ([1.0, [1.0, 2.0]], [1.0], "fail", "the baseline's own runs differ in more than numbers"),
        (
            [1.0, 1.5],
            [1.25],
            "fail",
            "the baseline's own runs differ by 0.5, so no rerun can be exact; give a tolerance",
        ),
        ([1.0, 1.5], [1.5], "pass", ""),
        ([1.0, 1.0], [1.0], "pass", ""),
    ],
)
def test_chance_has_no_part_in_what_has_to_be_exact(
    judge: Judge, baselines: Sequence[object], reruns: Sequence[object], status: str, reason: str
) -> None:
    """A rerun that repeats one of the runs is exact."""
    assert (status, reason) == said(judge(baselines, reruns, "exact"))


def test_an_ignored_metric_is_not_judged(judge: Judge) -> None:
    verdict = judge(FIVE, (9.0, 9.1, 9.2), "ignore")

    assert verdict.outputs[0].items[0].status == "ignored"
    assert verdict.outputs[0].reason == "nothing was compared: every item with a value is ignored"


@pytest.mark.parametrize(
    ("count", "n", "m", "advice"),
    [
        (1, 2, 1, "freeze with runs = 3 and verify with --runs 2, or give a tolerance"),
        (1, 2, 2, "freeze with runs = 3, or give a tolerance"),
        (1, 4, 1, "freeze with runs = 5, or give a tolerance"),
        (20, 5, 1, "verify with --runs 3, or give a tolerance"),
        (10**9, 99, 1, "give a tolerance"),
    ],
)
def test_the_runs_that_are_there_are_counted_into_the_advice(count: int, n: int, m: int, advice: str) -> None:
    assert advice == _runs_advice(count, n, m)
    assert resolved(n, m, count) > MULTIPLE


def test_the_advised_runs_are_enough(judge: Judge) -> None:
    """Two baseline runs and a rerun cannot tell; three and two, as the message says, can."""
    assert said(judge((1.0, 1.1, 0.9), (1.05, 0.97)))[0] == "pass"


def test_a_list_that_is_elsewhere_fails_by_its_distance(judge: Judge) -> None:
    """Its last value is as ever."""
    runs = [[1 + offset, 2 - offset, 3 + offset / 2] for offset in (0.0, 0.1, -0.1, 0.05, -0.05)]
    status, reason = said(judge(runs, [[9.0, 1.9, 3.01], [9.1, 2.0, 3.02], [8.8, 2.05, 2.99]]))

    assert status == "fail"
    assert reason.startswith("the reruns are ")
    assert " times as far from the nearest baseline run as those are from each other: more than chance" in reason


def test_reruns_that_repeat_a_baseline_run_byte_for_byte_pass(judge: Judge) -> None:
    """Each of them one, whichever it is; another value of the same file's is judged."""
    assert ("pass", "") == said(judge(FIVE, (1.05, 1.05, 1.05)))
    assert ("pass", "") == said(judge(FIVE, (0.95,)))
    assert said(judge(FIVE, (1.05, 1.05, 3.0)))[0] != "pass"


def test_one_value_of_a_list_that_went_astray_fails(judge: Judge) -> None:
    """Among two hundred that did not: it does not widen the spread that it is measured by."""
    random = np.random.default_rng(3)
    runs = (1 + 1e-3 * random.standard_normal((8, 200))).tolist()
    astray = [[*run[:100], 1e6, *run[101:]] for run in runs[5:]]

    assert judge(runs[:5], runs[5:]).status == "pass"
    assert judge(runs[:5], astray).status == "fail"
    assert judge(runs[:5], astray, Bounds(atol=0.1)).status == "fail"
    assert judge(runs[:5], runs[5:], Bounds(atol=0.1)).status == "pass"


def test_a_step_that_the_mean_of_its_part_hides_fails(judge: Judge) -> None:
    """Five hundred steps, one of which went astray in all reruns; the tolerance is that of each."""
    random = np.random.default_rng(4)
    runs = 1 + 1e-3 * random.standard_normal((8, 500))
    runs[5:, 250] += 5
    curves = [[{"step": step, "v": value} for step, value in enumerate(run)] for run in runs.tolist()]
    pair = judge.pair(curves[:5], curves[5:])
    verdict = compare_outputs([replace(pair, tolerance={"*": Bounds(atol=0.2)})])

    assert verdict.status == "fail"
    assert [item.reason.partition(" is ")[0] for item in verdict.outputs[0].items if item.status == "fail"] == [
        "value 251 of 500"
    ]


@pytest.mark.parametrize(("n", "m"), [(2, 4), (2, 5), (2, 10), (3, 1), (10, 1)])
def test_a_curve_that_went_elsewhere_to_the_same_end_is_no_pass(judge: Judge, n: int, m: int) -> None:
    random = np.random.default_rng(5)
    runs = 1 + 1e-3 * random.standard_normal((n + m, 40))
    runs[n:, :39] += 5

    assert judge(runs[:n].tolist(), runs[n:].tolist()).status == "fail"


def test_two_baseline_runs_do_not_judge_an_array(tmp_path: Path) -> None:
    """Its norm is as ever, and its signs are all others."""
    random = np.random.default_rng(6)
    weights = random.standard_normal(1000)
    for run in range(7):
        values = (weights + 1e-4 * random.standard_normal(1000)) * (1 if run < 2 else -1)
        np.save(tmp_path / f"{run}.npy", values)
    paths = tuple(tmp_path / f"{run}.npy" for run in range(7))
    verdict = compare_outputs([OutputPair(path="o", format="npy", baselines=paths[:2], reruns=paths[2:])])

    assert verdict.status == "inconclusive"
    assert said(verdict)[1].endswith(
        "two baseline runs do not show how far apart its values are; freeze with runs = 3, or give a tolerance"
    )


def test_a_lone_rerun_is_told_of_as_one(judge: Judge) -> None:
    runs = [[1 + offset, 2 - offset, 3 + offset / 2] for offset in (0.0, 0.1, -0.1, 0.05, -0.05)]

    assert said(judge(runs, [[9.0, 1.9, 3.01]]))[1].startswith("the rerun is ")


@pytest.mark.parametrize(
    ("baselines", "reruns", "tolerance", "how"),
    [
        (FIVE, (1.02, 0.97, 1.06), None, "within the spread of its own runs"),
        (FIVE, (1.0, 1.1, 0.9), None, "bit for bit"),
        ((1.0,), (1.01,), Bounds(atol=0.1), "within tolerance"),
    ],
)
def test_a_pass_says_how_the_outputs_match(
    judge: Judge, baselines: Sequence[float], reruns: Sequence[float], tolerance: Tolerance | None, how: str
) -> None:
    assert f"every output matches the baseline ({how})" == judge(baselines, reruns, tolerance).reason


def test_one_sentence_tells_what_was_tested(judge: Judge) -> None:
    """With 80 % power: the noncentral t at the two-sided level of 4 %, as a fifth of 5 % goes to the spread."""
    note = judge(FIVE, (1.02, 0.97, 1.06)).notes[-1]
    bound, scale = scipy.stats.t.isf(0.02, 6), math.sqrt(1 / 5 + 1 / 3)

    assert note.startswith(f"5 baseline runs and 3 reruns were compared over 1 number together: {LEVEL}; a change of ")
    shift = float(note.split("a change of ")[1].split(" ")[0])
    assert scipy.stats.nct.sf(bound, 6, shift / scale) == pytest.approx(0.8, abs=0.02)
    assert note.endswith(" times the spread of one run fails in 80 of 100")


def test_a_difference_from_one_baseline_run_is_doubted(judge: Judge) -> None:
    """Nothing shows whether the job repeats itself; a tolerance of the user's, or another structure, decides."""
    doubt = "one baseline run does not show whether the job repeats itself: freeze with runs = 2, or give a tolerance"
    found = "first parts by 1.0e-01, beyond tolerance (rtol 1e-07, atol 1e-07); 1 of 1 value beyond"

    assert ("inconclusive", f"{found}; {doubt}") == said(judge([1.0], [1.1], recorded=1))
    assert said(judge([1.0], [1.1], Bounds(atol=1.0), recorded=1))[0] == "pass"
    assert said(judge([1.0], [1.1], Bounds(atol=0.01), recorded=1))[0] == "fail"
    assert ("fail", "the rerun has 'a', the baseline 1.0") == said(judge([1.0], ["a"], recorded=1))
    assert ("pass", "") == said(judge([1.0], [1.0], recorded=1))


def test_signs_of_zeros_are_no_change(tmp_path: Path) -> None:
    """Arrays whose runs differ in nothing else have no norm, and no spread."""
    zeros = np.zeros(5)
    for name, values in (("a", zeros), ("b", -zeros)):
        np.save(tmp_path / f"{name}.npy", values)
    plus, minus = tmp_path / "a.npy", tmp_path / "b.npy"
    pair = OutputPair(path="o", format="npy", baselines=(plus, minus, plus), reruns=(minus, minus, minus))

    assert compare_outputs([pair]).status == "pass"


@pytest.mark.parametrize(
    ("baselines", "reruns", "tolerance"),
    [
        ([1.0, 3.0], [2.0], Bounds(atol=1e-160)),
        ([1e170, 3e170], [2e170], Bounds(atol=1e-7)),
        ([5e-324, 0.0, 5e-324], [1e-323], None),
        ([0.5e-320, 0.0], [0.1e-320], Bounds(atol=1e-323)),
        ([1e308, 1.01e308, 0.99e308], [1.02e308, -1e308], None),
        ([1e308, 1.01e308, 0.99e308], [1.02e308, -1e308], Bounds(rtol=0.1)),
        ([[1.0, 3e300], [1.1, 2e300]], [[1.0, 4e300]], None),
    ],
)
def test_numbers_of_any_size_come_to_a_verdict(
    judge: Judge, baselines: Sequence[object], reruns: Sequence[object], tolerance: Tolerance | None
) -> None:
    """Without a warning, and without a pass."""
    assert judge(baselines, reruns, tolerance).status != "pass"


@pytest.mark.parametrize(("n", "m"), [(3, 3), (5, 3), (10, 3)])
def test_what_all_baseline_runs_had_does_not_change_and_pass(judge: Judge, n: int, m: int) -> None:
    """An accuracy of 0.9, whatever else varies: it may be rounded, so that it is not sure to have changed either."""
    random = np.random.default_rng(7)
    accuracies = [0.9] * n + [0.8] * m
    runs = [{"acc": value, "t": random.random()} for value in accuracies]
    verdict = judge(runs[:n], runs[n:])

    assert verdict.outputs[0].items[0].status in ("inconclusive", "fail")


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_the_size_of_a_number_makes_no_difference(judge: Judge, size: float) -> None:
    changed = [size * value for value in (2.0, 2.1, 1.9)]

    assert said(judge([size * value for value in FIVE], changed))[0] == "fail"
    assert said(judge([size * value for value in FIVE], [size * value for value in (1.02, 0.97, 1.06)]))[0] == "pass"
