"""A tolerance so wide that nothing could fail is named beside the verdict."""

import json

import pytest

from envsnap.manifest.tolerance import Bounds, Tolerance

from .conftest import Compare


@pytest.mark.parametrize(
    ("values", "tolerance", "word"),
    [
        ([1e-8, 2e-8], "auto", "atol 1e-07 is more than any of its values (up to 2e-08)"),
        ([0.91, 0.92, 0.93], Bounds(atol=0.05), "the tolerance (0.05) is wider than its whole range, 0.91 to 0.93"),
        ([1764547200.5], "auto", "it looks like a time; the tolerance allows 176 s"),
        ([0.91, 0.92, 0.93], Bounds(atol=0.005), ""),
        ([0.91], Bounds(atol=0.05), ""),
        ([0.91, 0.91], Bounds(atol=0.05), ""),
        ([0.0, 0.0], "auto", ""),
        ([1e-8, 2e-8], "exact", ""),
        ([1e-8, 2e-8], "ignore", ""),
        ([1e9, float("inf")], Bounds(rtol=1e-12), ""),
    ],
)
def test_a_tolerance_that_hides_is_named(
    compare: Compare, values: list[float], tolerance: Tolerance, word: str
) -> None:
    """With the figures that show it; others are not."""
    content = json.dumps({"m": values, "other": 0.5})

    notes = compare("json", [content], [content], {"m": tolerance}).notes

    assert [word] * bool(word) == [word for note in notes if word and f"'m' in out: {word}" in note]
    assert len(notes) == bool(word)


def test_many_are_counted(compare: Compare) -> None:
    """One glob can cover hundreds of metrics."""
    content = json.dumps({f"m{number}": 0.5 for number in range(9)})

    notes = compare("json", [content], [content], {"m*": Bounds(atol=1)}).notes

    assert (6, "4 more tolerances in out are as wide") == (len(notes), notes[-1])
