"""Runs a job once in an environment, and records its outputs and what was in force inside."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import JobError, OverlayRefusedError
from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.host.credentials import mask_credentials
from envsnap.host.output import ignore_line
from envsnap.host.overlay import Overlay
from envsnap.host.own_places import GIT, LOCK, SETTINGS, WORK
from envsnap.inside.observer._envsnap.places import BEGUN
from envsnap.manifest.hardware import Limits
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.outcome import Outcome
from envsnap.run.failure import explain_failure
from envsnap.run.in_place import in_place, refuse_lost
from envsnap.run.injection import VERSION, injected_environment
from envsnap.run.observed import observe
from envsnap.run.output_files import collect_outputs, hidden_places
from envsnap.run.overlaid import ADVICE, REPORTS, WRITTEN, run_overlaid

GUARDED = (GIT, *SETTINGS)
NO_LIMIT = -1
_LEAST_SECRET = 6
"""Shorter values, such as ``1`` or ``true``, are no secrets; hiding them would garble every message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Where and how one run takes place.

    Args:
        project: absolute folder; the command runs in it.
        folder: absolute folder for this run alone, made if need be; what it wrote and its reports stay in it.
        inherited: the numerics variables in force at capture, and the caller's values for variables that the job
            passes through; see :func:`~envsnap.run.injection.injected_environment`.
        read_only: absolute files and folders outside the project that the job reads, such as its data.
        made: folders of outputs that the job is known to make itself, relative to the project.
        others: outputs of the project's other jobs, which the job does not see either.
        injection: version of what the job is given.
        own_code: variables that tell a rebuilt environment where the project's own packages are.
        limits: what a container is given where the job does not say; None for the engine's defaults.
        hide_baseline: whether to move the baseline away where there are no overlays, which hide it in any case.
        on_silence: told, in another thread, what the job waits for where nothing has happened for long.
        on_output: called with each line of live output, secrets masked.
    """

    project: Path
    folder: Path
    inherited: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()
    made: tuple[str, ...] = ()
    others: tuple[JobOutput, ...] = ()
    injection: int = VERSION
    own_code: Mapping[str, str] = field(default_factory=dict)
    limits: Limits | None = None
    hide_baseline: bool = True
    on_silence: Callable[[str], None] = ignore_line
    on_output: Callable[[str], None] = ignore_line


def run_job(environment: Environment, job: Job, run: Run) -> Outcome:
    """Run ``job`` once in ``environment`` and return what came of it; the project is as before.

    Raises:
        InvalidFileError: an output's path leads out of the project.
        JobError: the job fails, takes too long, writes where it must not, or writes an output that cannot be kept.
        MissingToolError: the command or the engine is not there.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    hidden = hidden_places(job.outputs, run.made, run.project, run.others)
    secrets = _secrets(job, run)

    last = ""

    def tell(line: str) -> None:
        nonlocal last
        last = line if line.strip() else last
        run.on_output(_mask(line, secrets))

    def warn(text: str) -> None:
        run.on_silence(_mask(f"{text}; the last line was: {last}" if last else text, secrets))

    def execute(reports: Path, overlay: Overlay | None) -> Completed:
        execution = _execution(job, run, reports, overlay)
        return environment.execute(replace(execution, on_output=tell, on_silence=warn))

    refusal = ""
    lost: list[str] = []
    try:
        completed = run_overlaid(run.project, run.folder, hidden, environment.python, execute)
    except OverlayRefusedError as error:
        refusal = str(error)
        completed, lost = _run_in_place(run, hidden, execute)
    if completed.exit_code or completed.timed_out:
        said = _mask(completed.stderr.decode("utf-8", errors="replace"), secrets)
        raise JobError(explain_failure(completed, job, said, environment.name))
    refuse_lost(lost)
    outputs = collect_outputs(job.outputs, written=run.folder / WRITTEN, project=run.project)
    observation = observe(run.folder / REPORTS)
    if observation is not None and observation.reached:
        raise JobError(
            f"the job asked for {', '.join(observation.reached[:5])}, which holds what former runs came to: {ADVICE}"
        )
    return Outcome(outputs=outputs, seconds=completed.seconds, observation=observation, no_overlay=refusal)


def _run_in_place(
    run: Run, hidden: Sequence[Path], execute: Callable[[Path, Overlay | None], Completed]
) -> tuple[Completed, list[str]]:
    reports = run.folder / REPORTS
    reports.mkdir()
    with in_place(run.project, run.folder, run.folder / WRITTEN, hidden, hide_baseline=run.hide_baseline) as lost:
        completed = execute(reports, None)
    return completed, lost


def _execution(job: Job, run: Run, reports: Path, overlay: Overlay | None) -> Execution:
    observer, threadpoolctl = observer_folder(), threadpoolctl_file()
    return Execution(
        argv=job.command,
        workdir=run.project,
        env={
            **injected_environment(
                job,
                observer=observer,
                report_dir=reports,
                threadpoolctl=threadpoolctl,
                inherited=run.inherited,
                version=run.injection,
            ),
            **run.own_code,
            BEGUN: str(time.time_ns()),
        },
        read_only=(observer, threadpoolctl, *_guarded(run.project, overlay), *run.read_only),
        writable=() if overlay else (reports,),
        overlay=overlay,
        hidden=() if overlay else (run.project / WORK,),
        timeout=job.timeout_seconds,
        network=job.network,
        gpus=job.gpus,
        is_job=True,
        **_limited(job, run.limits),
        memory_bytes=job.memory_bytes,
        processes=job.processes,
    )


def _limited(job: Job, limits: Limits | None) -> dict[str, Any]:
    if limits is None:
        return {"shm_bytes": job.shm_bytes}
    shm = None if limits.shm_mib is None else limits.shm_mib * 2**20
    files = tuple(NO_LIMIT if limit is None else limit for limit in (limits.open_files, limits.most_open_files))
    return {
        "shm_bytes": job.shm_bytes or shm,
        "memlock_bytes": NO_LIMIT if limits.memlock_bytes is None else limits.memlock_bytes,
        "open_files": files,
    }


def _guarded(project: Path, overlay: Overlay | None) -> tuple[Path, ...]:
    """Return what a contained job may read and not write: the host reads it, or runs what it says, afterwards."""
    names = GUARDED if overlay else (*GUARDED, LOCK)  # which an overlay hides
    return tuple(path for name in names if (path := project / name).exists() and not path.is_symlink())


def _secrets(job: Job, run: Run) -> list[str]:
    """Return the values that the caller passed through, the longest first: one may hold another."""
    values = (run.inherited.get(name, "") for name in job.pass_env)
    return sorted((value for value in values if len(value) >= _LEAST_SECRET), key=len, reverse=True)


def _mask(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return mask_credentials(text)
