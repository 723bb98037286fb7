"""envsnap run: the job, or a command in its place, in the rebuilt environment; nothing is compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envsnap.capture.data import CapturedData, capture_data, check_data
from envsnap.errors import UsageError
from envsnap.host.files import exclusive
from envsnap.host.own_places import BASELINE, WORK
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.job import Job
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.manifest.phrases import join_names
from envsnap.run.output_files import leave_outputs
from envsnap.workflow.build_first import build_first
from envsnap.workflow.environments import choose_rebuilt, open_rebuilt, prove_equal, prove_sources
from envsnap.workflow.lock_source import LockSource, open_lock_source
from envsnap.workflow.own_code import place_own_code
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import job_to_run, read_project
from envsnap.workflow.runs import (
    NOT_OBSERVED,
    in_place_notes,
    plan_rerun,
    prove_ran_inside,
    repeat_job,
    restore_files,
)

MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """What the user asked for.

    Args:
        folder: the project.
        env: the caller's environment.
        lock: None for the bundle's own, or the project's.
        command: in the place of the job's own; empty for the job.
        bundle: whose lock and wheels to take, without a network.
        target: where to run; None for what was built last.
        image: an image to run in.
        build: whether what is missing is built.
        output: where the outputs go; None for where the job puts them.
        on_output: called with each line of the job's output.
    """

    folder: Path
    env: Mapping[str, str]
    lock: Path | None
    command: tuple[str, ...] = ()
    bundle: Path | None = None
    target: BuildTarget | None = None
    image: str | None = None
    build: bool = True
    output: Path | None = None
    on_output: Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """A run that ended well.

    Args:
        environment: where it took place.
        seconds: wall-clock time of the command.
        folder: below which its outputs lie.
        outputs: the declared ones that it wrote.
        built: whether the environment was built first.
    """

    environment: str
    seconds: float
    folder: Path
    outputs: tuple[RecordedOutput, ...]
    built: bool


def run(request: RunRequest, progress: Progress) -> RunResult:
    """Build what is missing, prove the environment, run, and leave the outputs, in this order.

    What is injected is the same as at verify. Other inputs than the locked ones are warned of, and taken.

    Raises:
        UsageError: there is no command to run, or the outputs may not go where they are wanted.
        InvalidFileError: the settings or the lock are not valid.
        BundleError: the bundle is none, or damaged.
        BuildError: the environment was not built, or cannot be.
        EnvironmentDiffersError: the environment, or an editable source tree, is not the one that the lock records; or
            the job ran outside of it.
        JobError: the job failed, or an output cannot be left.
        MissingToolError: the command or the engine is not there.
    """
    project = read_project(request.folder)
    _check_output(request)
    source = open_lock_source(request.folder, request.lock, request.bundle, progress)
    job = job_to_run(project, source.manifest, request.command)
    with exclusive(project.folder):
        restore_files(project.folder, progress)
        data = _capture_inputs(source.manifest, job, project.folder, progress)
        ran = _run(request, source, job, data, progress)
        leave_outputs(ran.outputs, ran.folder)
    names = [output.path for output in ran.outputs]
    progress.stage(f"ended well after {ran.seconds:.1f} s in the {ran.environment}")
    if names:
        progress.stage(f"its outputs lie in {ran.folder}: {join_names(names, MOST_NAMES)}")
    return ran


def _check_output(request: RunRequest) -> None:
    if request.output is None:
        return
    place = request.output.resolve()
    own = next((name for name in (WORK, BASELINE) if place.is_relative_to((request.folder / name).resolve())), None)
    if own is not None:
        raise UsageError(f"--output {request.output} lies in {own}, which is envsnap's own: name another folder")
    if request.output.exists() and not request.output.is_dir():
        raise UsageError(f"--output {request.output} is no folder: name another one")


def _capture_inputs(manifest: Manifest, job: Job, folder: Path, progress: Progress) -> CapturedData:
    found = capture_data(job.inputs, folder)
    problems = check_data(manifest.contents.data, found, {})
    if problems:
        progress.warn(f"the inputs are not those that the lock records: {join_names(problems, MOST_NAMES)}")
    return found


def _run(request: RunRequest, source: LockSource, job: Job, data: CapturedData, progress: Progress) -> RunResult:
    manifest, folder = source.manifest, request.folder
    chosen = choose_rebuilt(folder, manifest, target=request.target, image=request.image)
    may_build = request.build and request.image is None
    rebuilt = build_first(chosen, source, folder, request.env, progress) if may_build else chosen
    with open_rebuilt(rebuilt, request.env) as environment:
        progress.stage(f"comparing the {environment.name} with the lock")
        prefix = prove_equal(environment, manifest, folder)
        prove_sources(manifest, folder, request.env, offline=source.is_offline)
        executed = job if manifest.contents.hardware.gpus else job.without_gpus()
        with place_own_code(manifest, folder, request.env, progress, offline=source.is_offline) as code:
            plan = plan_rerun(manifest, job, code, folder=folder, env=request.env, on_output=request.on_output)
            plan = replace(plan, read_only=(*plan.read_only, *data.outside))
            (outcome,) = repeat_job(environment, executed, plan, 1, progress)
        prove_ran_inside((outcome,), prefix, environment.name)
        _warn(request, outcome, progress)
        return RunResult(
            environment=environment.name,
            seconds=outcome.seconds,
            folder=request.output or folder,
            outputs=tuple(output for output in outcome.outputs if output.file is not None),
            built=rebuilt is not chosen,
        )


def _warn(request: RunRequest, outcome: Outcome, progress: Progress) -> None:
    """Say what a job lacks; a command in its place need neither be Python nor write the job's outputs."""
    for note in in_place_notes((outcome,)):
        progress.warn(note)
    if request.command:
        return
    if outcome.observation is None:
        progress.warn(NOT_OBSERVED)
    missing = [output.path for output in outcome.outputs if output.file is None]
    if missing:
        progress.warn(f"the job did not write {join_names(missing, MOST_NAMES)}")
