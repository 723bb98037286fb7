"""Runs have folders of their own, and none is removed while it is still to be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import EnvironmentDiffersError
from envsnap.manifest.job import Job
from envsnap.manifest.observation import Observation
from envsnap.manifest.outcome import Outcome
from envsnap.run.job import Run
from envsnap.workflow.progress import Progress
from envsnap.workflow.runs import KEPT, inherited_variables, new_run_folder, prove_ran_inside, repeat_job, runs_folder


def write_number(execution: Execution) -> Completed:
    """A job that writes its output."""
    (execution.workdir / "metrics.json").write_text("1")
    return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=1.0)


def test_outputs_of_many_runs_are_all_there_at_the_end(
    project: Path, job: Job, make_environment: Callable[..., Environment], progress: Progress, told: list[str]
) -> None:
    """More runs than are kept of earlier commands: every one of them is compared afterwards."""
    run = Run(project=project, folder=runs_folder(project))

    outcomes = repeat_job(make_environment(write_number), job, run, KEPT + 3, progress)

    files = {output.file for outcome in outcomes for output in outcome.outputs}
    assert KEPT + 3 == len(files)
    assert all(file is not None and file.is_file() for file in files)
    assert f"stage: running the job in the fake environment, {KEPT + 3} of {KEPT + 3}" == told[-1]


def test_oldest_runs_of_earlier_commands_are_removed(
    project: Path, job: Job, make_environment: Callable[..., Environment], progress: Progress
) -> None:
    """The newest stay for a person to look at."""
    folders = [new_run_folder(project) for _ in range(KEPT + 2)]

    repeat_job(make_environment(), job, Run(project=project, folder=runs_folder(project)), 1, progress)

    assert [False, False, *[True] * KEPT] == [folder.is_dir() for folder in folders]


def test_job_inherits_what_moves_numbers_and_what_it_names() -> None:
    """Nothing else of the caller's, and no name that is not set."""
    job = Job(command=("python",), pass_env=("TOKEN", "UNSET"))
    env = {"TOKEN": "t", "MKL_CBWR": "AVX2", "HTTPS_PROXY": "p"}

    assert {"TOKEN": "t", "MKL_CBWR": "AVX2"} == inherited_variables(job, env)


def test_job_that_ran_in_another_interpreter_is_refused(tmp_path: Path) -> None:
    """A command like ``.venv/bin/python`` leaves the proven environment; its numbers say nothing about it."""
    inside = Outcome(outputs=(), observation=Observation(python="3.11.7", prefix="/opt/venv"))
    outside = Outcome(outputs=(), observation=Observation(python="3.11.7", prefix=str(tmp_path)))
    unseen = Outcome(outputs=())

    prove_ran_inside([inside, unseen], Path("/opt/venv"), "container x")
    with pytest.raises(EnvironmentDiffersError, match=f"the job ran in {tmp_path}, not in the container x"):
        prove_ran_inside([inside, outside], Path("/opt/venv"), "container x")
