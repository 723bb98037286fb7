"""A tolerance so wide that nothing could fail is named beside the verdict."""

import json

import pytest

from envsnap.compare import OutputPair, compare_outputs
from envsnap.manifest.layout import Layout
from envsnap.manifest.tolerance import Bounds, Tolerance

from .conftest import Compare, Write


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


@pytest.mark.parametrize(
    ("values", "digit"),
    [
        ([0.9], "1e-01"),
        ([0.91, 0.9], "1e-02"),
        ([1e-05], "1e-05"),
        ([0.912], "1e-03"),
        ([0.9125], ""),
        ([25.5, 1000.0], ""),
        ([25.5, 99.0], "1e-01"),
        ([float("inf"), float("nan")], ""),
        ([0.0], ""),
    ],
)
def test_numbers_that_print_few_digits_are_named(write: Write, values: list[float], digit: str) -> None:
    """Their last digit is what printing float32 may change."""
    content = write("out.json", json.dumps({"m": values}))
    pair = OutputPair(
        path="out",
        format="json",
        baselines=(content,),
        reruns=(content,),
        tolerance={"m": Bounds(equal_nan=True)},
        layout=Layout(precision="float32"),
    )
    text = f"'m' in out: it is printed to {digit}, and a change of one in its last digit passes: print more digits"

    assert ((text,) if digit else ()) == compare_outputs([pair]).notes
