import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.compare.statistics import (
    holm,
    judge_equivalence,
    judge_prediction,
    prediction_factor,
    resolution,
    runs_needed,
)


@pytest.mark.parametrize(("n", "k"), [(2, 15.6), (3, 4.97), (5, 3.04), (10, 2.37), (20, 2.14)])
def test_prediction_factor_matches_the_published_table(n: int, k: float) -> None:
    """k of the 95 % prediction interval for one further value."""
    assert k == pytest.approx(prediction_factor(n, 1), rel=3e-3)


def test_prediction_needs_five_runs_to_pass() -> None:
    """Inside an interval of fifteen standard deviations proves nothing."""
    assert "inconclusive" == judge_prediction([1.0, 1.1], [1.05], floor=0.0).status
    assert "pass" == judge_prediction([1.0, 1.1, 1.0, 1.1, 1.05], [1.05], floor=0.0).status
    assert "fail" == judge_prediction([1.0, 1.1], [9.0], floor=0.0).status


def test_equivalence_has_three_answers() -> None:
    """The interval lies inside the margin, wholly outside it, or across its edge."""
    runs = [0.9, 1.0, 1.1, 1.0, 1.0]
    inside = judge_equivalence(runs, [1.0, 1.01, 0.99], margin=0.3, floor=0.0)
    outside = judge_equivalence(runs, [2.0, 2.01, 1.99], margin=0.3, floor=0.0)
    across = judge_equivalence(runs, [1.3, 1.31, 1.25], margin=0.3, floor=0.0)

    assert ("pass", "fail", "inconclusive") == (inside.status, outside.status, across.status)
    assert "runs on each side are needed" in across.reason


def test_runs_needed_reach_the_gap() -> None:
    """The number named is the least that decides."""
    runs = runs_needed(spread=1.0, gap=0.5, at_least=2)

    assert 23 == runs
    assert runs_needed(spread=1.0, gap=0.0, at_least=2) is None


def test_floor_stands_in_for_values_that_happen_to_agree() -> None:
    """Runs that print the same rounded number still have the spread of rounding."""
    floor = resolution([0.95, 0.96], 0.0)

    assert pytest.approx(0.01 / math.sqrt(12)) == floor
    assert "pass" == judge_prediction([0.95] * 5, [0.951], floor=floor).status


def test_holm_steps_down() -> None:
    """The smallest of m p-values meets alpha / m, the next alpha / (m - 1), until one does not."""
    assert (True, False, True) == holm([0.01, 0.2, 0.02])
    assert (False, False, False) == holm([0.03, 0.2, 0.04])
    assert () == holm([])


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6), st.floats(-1e3, 1e3), st.floats(0, 10), st.floats(0, 10))
def test_wider_margin_never_fails_what_passed(runs: list[float], rerun: float, one: float, more: float) -> None:
    """Widening a margin never turns a pass into anything else."""
    narrow = judge_equivalence(runs, [rerun], margin=one, floor=1e-3)
    wide = judge_equivalence(runs, [rerun], margin=one + more, floor=1e-3)

    assert narrow.status != "pass" or wide.status == "pass"
