"""Metrics that differ among the runs of a freeze are named, with what to write about them."""

import json
import tomllib
from pathlib import Path

import pytest

from envsnap.host.files import sha256_file
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.workflow.repeatability import differences_told

JOB = Job(command=("python",), threads=1, outputs=(JobOutput(path="metrics.json", format="json"),))


def outcome(path: Path, **metrics: float) -> Outcome:
    """A run that wrote these metrics."""
    path.write_text(json.dumps(metrics))
    sha256, size = sha256_file(path)
    return Outcome(outputs=(RecordedOutput(path="metrics.json", format="json", file=path, sha256=sha256, size=size),))


def test_a_clock_is_to_be_ignored_and_a_result_gets_a_tolerance(tmp_path: Path) -> None:
    """What repeats itself is not named."""
    runs = [
        outcome(tmp_path / "1", loss=0.9, epoch_seconds=12.1, steps=3),
        outcome(tmp_path / "2", loss=0.8, epoch_seconds=11.9, steps=3),
    ]

    (told,) = differences_told(JOB, runs)

    assert told.startswith("metrics.json is not the same in all runs: ")
    assert 'epoch_seconds = "ignore"' in told
    assert "loss = { rtol = 0.01 }" in told
    assert "steps" not in told


def test_all_runs_count_not_the_second_alone(tmp_path: Path) -> None:
    """The third may be the one that differs."""
    runs = [outcome(tmp_path / str(number), loss=loss) for number, loss in enumerate((0.9, 0.9, 0.7))]

    (told,) = differences_told(JOB, runs)

    assert "all runs: loss." in told


@pytest.mark.parametrize("name", ["loss", "val/loss", "a.b", 'a "quoted" name', "back\\slash", "line\nend"])
def test_what_is_proposed_can_be_written_into_the_settings(tmp_path: Path, name: str) -> None:
    """Whatever a job calls its metrics."""
    runs = [outcome(tmp_path / str(loss), **{name: loss}) for loss in (0.9, 0.8)]

    (told,) = differences_told(JOB, runs)

    proposal = told.partition("[job.outputs.tolerance]: ")[2].partition(", as wide")[0]
    assert {name: {"rtol": 0.01}} == tomllib.loads(proposal)


def test_runs_that_are_the_same_have_nothing_to_tell(tmp_path: Path) -> None:
    """Bit for bit."""
    assert [] == list(differences_told(JOB, [outcome(tmp_path / name, loss=0.9) for name in "ab"]))
