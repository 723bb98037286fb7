"""One line tells a reviewer what changed: the last values first, for that is what a result is quoted by."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envsnap.compare import OutputPair, compare_outputs
from envsnap.compare.changes import OutputFiles, describe_change
from envsnap.manifest.outcome import OutputFormat


def change(before: Path, after: Path, kind: OutputFormat, **options: Any) -> str:
    """What is said of two files, by the verdict on them."""
    pair = OutputPair(path="output", format=kind, baselines=(before,), reruns=(after,), **options)
    (verdict,) = compare_outputs([pair]).outputs
    return describe_change(verdict, OutputFiles(before=before, after=after, format=kind))


def lines(values: list[float]) -> str:
    """A metric over its steps, as JSON lines."""
    return "".join(f'{{"step": {step}, "loss": {value}}}\n' for step, value in enumerate(values))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('{"loss": 0.231}', '{"loss": 0.225}', "loss: 0.231 -> 0.225"),
        ('{"loss": 0.1}', '{"loss": 0.30000000000000004}', "loss: 0.1 -> 0.3"),
        ('{"loss": 0.1234567891}', '{"loss": 0.1234567892}', "loss: 0.1234567891 -> 0.1234567892"),
        ('{"n": 1}', '{"n": 2}', "n: 1 -> 2"),
        ('{"name": "a\\nb"}', '{"name": "c"}', r"name: 'a\nb' -> 'c'"),
        ('{"a": 1, "b": 1}', '{"a": 1, "c": 1}', "b is gone; c is new"),
        ('{"a": 1}', '{ "a": 1 }', "the same values, written in another way"),
        ('{"a": 1}', '{"a": NaN}', "a: 1 -> NaN"),
        ('{"a": 1}', "", "the rerun's file cannot be compared: it is empty"),
    ],
)
def test_plain_values_are_told_then_and_now(tmp_path: Path, before: str, after: str, expected: str) -> None:
    """With six digits, and with more where these do not tell them apart."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(before)
    new.write_text(after)

    assert expected == change(old, new, "json")


def test_curve_is_told_by_its_end(tmp_path: Path) -> None:
    """Where it ends as it did, by the first place at which it parts."""
    old, other_end, other_start = tmp_path / "old", tmp_path / "end", tmp_path / "start"
    old.write_text(lines([4.0, 2.0, 1.0]))
    other_end.write_text(lines([4.0, 1.5, 0.5]))
    other_start.write_text(lines([5.0, 2.0, 1.0]))

    assert "loss: 1 -> 0.5 at the end, 2 of 3 values differ" == change(old, other_end, "jsonl")
    assert "loss: 1 of 3 values differ, by at most 1, first at step 0: 4.0 -> 5.0" == change(old, other_start, "jsonl")


def test_tensor_is_told_by_how_far_it_moved(tmp_path: Path) -> None:
    """One without a name is called by what it is."""
    np.save(tmp_path / "old.npy", np.zeros(4, np.float32))
    np.save(tmp_path / "new.npy", np.array([0, 0, 0.5, 2], np.float32))

    said = change(tmp_path / "old.npy", tmp_path / "new.npy", "npy")

    assert "values: 2 of 4 values differ, by at most 2, first at element [2]: 0.0 -> 0.5" == said


def test_what_failed_comes_first_and_many_are_counted(tmp_path: Path) -> None:
    """Items that stayed the same are not told."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    names = "abcdefgh"
    old.write_text("{" + ", ".join(f'"{name}": 1.0' for name in names) + ', "same": 1.0}')
    new.write_text("{" + ", ".join(f'"{name}": 1.5' for name in names) + ', "same": 1.0}')

    said = change(old, new, "json", tolerance={"a": "ignore"})

    assert said.startswith("b: 1 -> 1.5; c: 1 -> 1.5")
    assert said.endswith("f: 1 -> 1.5; and 2 more")
