"""Runs of the job: each in a folder of its own under .envsnap/runs, named in their order, the oldest removed."""

import dataclasses
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from envsnap.capture.numerics import numerics_variables
from envsnap.environment import Environment
from envsnap.host.files import work_folder
from envsnap.manifest.job import Job
from envsnap.manifest.outcome import Outcome
from envsnap.run.job import Run, run_job
from envsnap.workflow.progress import Progress

KEPT = 10


def runs_folder(project: Path) -> Path:
    """Return the folder of all runs."""
    return work_folder(project) / "runs"


def new_run_folder(project: Path) -> Path:
    """Make the folder of a new run, and remove those of runs long past."""
    root = runs_folder(project)
    root.mkdir(exist_ok=True)
    for old in sorted(root.iterdir())[: -KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{time.time_ns():020d}"
    folder.mkdir()
    return folder


def repeat_job(environment: Environment, job: Job, run: Run, times: int, progress: Progress) -> tuple[Outcome, ...]:
    """Run the job ``times`` times, each in a new folder; ``run`` says all the rest."""
    outcomes = []
    for number in range(1, times + 1):
        progress.stage(f"running the job in the {environment.name}, {number} of {times}")
        outcomes.append(run_job(environment, job, dataclasses.replace(run, folder=new_run_folder(run.project))))
    return tuple(outcomes)


def inherited_variables(job: Job, env: Mapping[str, str]) -> dict[str, str]:
    """Pick what the job gets of the caller's variables: those that move numbers, and those that it names."""
    return numerics_variables(env) | {name: env[name] for name in job.pass_env if name in env}
