"""Jobs that take days, in small: fewer runs, a baseline without a run, profiles, and the first steps of many."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.workflow.runs import RECORDED

from .conftest import Ended, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

TRAIN = """
import json, os, sys
steps = int(sys.argv[1])
with open("metrics.jsonl", "w") as file:
    for step in range(1, steps + 1):
        print(json.dumps({"step": step, "loss": 1 / step}), file=file)
"""
SETTINGS = """
[job]
command = ["python", "train.py", "1000"]
[[job.outputs]]
path = "metrics.jsonl"
"""


@pytest.fixture
def project(tmp_path: Path, make_environment: Callable[[Path], Path]) -> Project:
    """A repository with the job."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("")
    (folder / "train.py").write_text(TRAIN)
    (folder / "envsnap.toml").write_text(SETTINGS)
    author = ("-c", "user.name=t", "-c", "user.email=t@host.example")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "start")):
        subprocess.run(("git", *arguments), cwd=folder, check=True)
    return Project(folder, make_environment(folder / "requirements.txt"))


def lock(project: Project) -> dict[str, Any]:
    """The lock's tables."""
    return tomllib.loads(project.lock().decode())


def verify(project: Project, *options: str) -> tuple[int, dict[str, Any]]:
    """Build and verify in a virtual environment; return the exit code and the verdict."""
    built = project.envsnap("build", "--target", "venv", "--quiet")
    assert built.code == 0, built.err
    done = project.envsnap("verify", "--target", "venv", "--json", *options)
    assert done.code in {0, 1, 3}, done.err
    verdict: dict[str, Any] = done.envelope["result"]["verdict"]
    return done.code, verdict


def refused(done: Ended) -> str:
    """The message of a usage error."""
    assert done.code == 2, done.err
    return done.err


def test_freeze_runs_the_job_as_often_as_it_is_told(project: Project) -> None:
    """The settings say two; the baseline says what was done, and verify has nothing to say of it."""
    frozen = project.freeze("--runs", "1")
    code, verdict = verify(project)

    assert (1, 2) == (lock(project)["baseline"]["runs"], lock(project)["job"]["runs"])
    assert "1 of 1" in frozen.err
    assert (0, []) == (code, verdict["notes"])
    assert "--no-run runs none" in refused(project.envsnap("freeze", "--no-run", "--runs", "1"))


def test_outputs_that_stand_in_the_project_become_the_baseline(project: Project) -> None:
    """Nothing is run; the lock says so, and so does each verdict. The user's next run may write into its own file."""
    subprocess.run([project.python, "train.py", "1000"], cwd=project.folder, check=True)
    standing = project.folder / "metrics.jsonl"
    frozen = project.freeze("--record")
    with standing.open("r+") as file:
        file.write("x")
    code, verdict = verify(project)

    baseline = lock(project)["baseline"]
    assert (1, True, False) == (baseline["runs"], baseline["recorded"], baseline["observed"])
    assert "running the job" not in frozen.err
    assert "as they stood in the project" in frozen.out
    assert "loaded" not in lock(project)
    assert (0, [RECORDED]) == (code, verdict["notes"])
    (project.folder / "train.py").write_text(TRAIN.replace("1 / step", "2 / step"))
    code, verdict = verify(project)
    assert (3, "inconclusive") == (code, verdict["status"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--record",), 6, "not there: metrics.jsonl"),
        (("--record", "--runs", "2"), 2, "leave --runs out"),
        (("--record", "--no-run"), 2, "leave --no-run out"),
    ],
)
def test_a_baseline_without_a_run_holds_every_output(
    project: Project, options: tuple[str, ...], code: int, said: str
) -> None:
    """And there is nothing to say of runs."""
    done = project.envsnap("freeze", "--python", str(project.python), *options)

    assert code == done.code, done.err
    assert said in done.err
    assert not (project.folder / "envsnap.lock").exists()
