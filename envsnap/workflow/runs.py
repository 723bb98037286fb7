"""Runs of the job: each in a folder of its own under .envsnap/runs, named in their order, the oldest removed."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envsnap.capture.hardware import this_machine
from envsnap.capture.numerics import numerics_variables
from envsnap.environment import Environment
from envsnap.errors import EnvironmentDiffersError
from envsnap.host.files import work_folder
from envsnap.manifest.job import Job
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.outcome import Outcome
from envsnap.run.in_place import restore_interrupted
from envsnap.workflow.own_code import CodePlaces
from envsnap.workflow.progress import Progress

if TYPE_CHECKING:
    from envsnap.run.job import Run

KEPT = 10
"""How many runs of earlier commands stay, for a person to look at."""


NOT_OBSERVED = "the observer did not run inside the job: seed and determinism settings were not injected"
RECORDED = "the baseline was recorded without a run: nobody saw which environment wrote it"
IN_PLACE = (
    "the job ran in the project itself, and could see former runs: this system shows it no overlay of it ({reason})"
)


def runs_folder(project: Path) -> Path:
    """Return the folder of all runs."""
    return work_folder(project) / "runs"


def new_run_folder(project: Path) -> Path:
    """Make the folder of a new run."""
    folder = runs_folder(project) / f"{time.time_ns():020d}"
    folder.mkdir(parents=True)
    return folder


def remove_old_runs(project: Path) -> None:
    """Remove all runs but the newest :data:`KEPT`; what cannot be removed stays."""
    root = runs_folder(project)
    for old in sorted(root.iterdir())[:-KEPT] if root.is_dir() else ():
        shutil.rmtree(old, ignore_errors=True)


def repeat_job(environment: Environment, job: Job, run: "Run", times: int, progress: Progress) -> tuple[Outcome, ...]:
    """Run the job ``times`` times, each in a new folder; ``run`` says all the rest.

    Earlier commands' runs are cleared away first and none in between: the outputs of all these are still to be read.

    Raises:
        JobError: a run failed.
        MissingToolError: the command or the engine is not there.
    """
    from envsnap.run.job import run_job

    remove_old_runs(run.project)
    outcomes = []
    for number in range(1, times + 1):
        one = replace(run, folder=new_run_folder(run.project), on_silence=progress.warn)
        with progress.running(f"running the job in the {environment.name}, {number} of {times}"):
            outcomes.append(run_job(environment, job, one))
    return tuple(outcomes)


def plan_rerun(
    manifest: Manifest,
    job: Job,
    code: CodePlaces,
    *,
    folder: Path,
    env: Mapping[str, str],
    on_output: Callable[[str], None],
) -> "Run":
    """Inject what the baseline was recorded under; only what the lock leaves open comes from this machine.

    Args:
        manifest: the lock.
        job: to run.
        code: where the project's own code is.
        folder: the project.
        env: the caller's environment.
        on_output: called with each line of live output.

    Raises:
        InvalidFileError: the lock was recorded under an injection that only a later envsnap knows.
    """
    from envsnap.run.injection import VERSION, check_known
    from envsnap.run.job import Run

    baseline = manifest.contents.baseline
    injection = baseline.injection if baseline else VERSION
    check_known(injection)
    return Run(
        project=folder,
        folder=runs_folder(folder),
        inherited=inherited_variables(job, env) | manifest.contents.numerics.env,
        read_only=code.read_only,
        own_code=code.variables,
        made=baseline.made_folders if baseline else (),
        limits=manifest.contents.hardware.limits or this_machine().limits,
        injection=injection,
        on_output=on_output,
    )


def inherited_variables(job: Job, env: Mapping[str, str]) -> dict[str, str]:
    """Pick what the job gets of the caller's variables: those that move numbers, and those that it names."""
    return numerics_variables(env) | {name: env[name] for name in job.pass_env if name in env}


def restore_files(project: Path, progress: Progress) -> None:
    """Return the files that commands which were killed had set aside, and say so."""
    restored = restore_interrupted(runs_folder(project), project)
    for path in restored.back:
        progress.warn(
            f"{path} is back as it was before a command that was interrupted; what stood there lies in .envsnap/runs"
        )
    for path, copy in restored.changed:
        progress.warn(f"{path} is not as it was before a command that was interrupted; as it was then, it is {copy}")


def in_place_notes(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Say why runs saw no overlay of the project, each reason once."""
    for reason in dict.fromkeys(outcome.no_overlay for outcome in outcomes if outcome.no_overlay):
        yield IN_PLACE.format(reason=reason)


def prove_ran_inside(outcomes: Iterable[Outcome], prefix: Path, name: str) -> None:
    """Hold what the observer saw against the environment that was proven: a job can call another interpreter.

    Raises:
        EnvironmentDiffersError: the job's main process ran under another prefix.
    """
    seen = {outcome.observation.prefix for outcome in outcomes if outcome.observation} - {"", str(prefix)}
    if seen:
        raise EnvironmentDiffersError(
            f"the job ran in {', '.join(sorted(seen))}, not in the {name} ({prefix}): call the interpreter 'python' in "
            "job.command and in the scripts it starts; the environment's own comes first on PATH"
        )
