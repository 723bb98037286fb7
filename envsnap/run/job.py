"""Runs a job once in an environment, and records its outputs and what was in force inside."""

import re
import shlex
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import JobError, OverlayRefusedError
from envsnap.host.carried_files import observer_folder, threadpoolctl_file
from envsnap.host.credentials import mask_credentials
from envsnap.host.output import ignore_line
from envsnap.host.overlay import Overlay
from envsnap.host.own_places import GIT, LOCK, SETTINGS, WORK
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.outcome import Outcome
from envsnap.run.in_place import in_place, refuse_lost
from envsnap.run.injection import VERSION, injected_environment
from envsnap.run.observed import observe
from envsnap.run.output_files import collect_outputs, hidden_places
from envsnap.run.overlaid import ADVICE, REPORTS, WRITTEN, run_overlaid

GUARDED = (GIT, *SETTINGS)
_TAIL_LINES = 20
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
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
        hide_baseline: whether to move the baseline away where there are no overlays, which hide it in any case.
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
    hide_baseline: bool = True
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

    def tell(line: str) -> None:
        run.on_output(_mask(line, secrets))

    def execute(reports: Path, overlay: Overlay | None) -> Completed:
        return environment.execute(_execution(job, run, reports, overlay, tell))

    refusal = ""
    lost: list[str] = []
    try:
        completed = run_overlaid(run.project, run.folder, hidden, environment.python, execute)
    except OverlayRefusedError as error:
        refusal = str(error)
        completed, lost = _run_in_place(run, hidden, execute)
    _check_end(completed, job, secrets, environment.name)
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


def _execution(
    job: Job, run: Run, reports: Path, overlay: Overlay | None, on_output: Callable[[str], None]
) -> Execution:
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
        },
        read_only=(observer, threadpoolctl, *_guarded(run.project, overlay), *run.read_only),
        writable=() if overlay else (reports,),
        overlay=overlay,
        hidden=() if overlay else (run.project / WORK,),
        timeout=job.timeout_seconds,
        network=job.network,
        gpus=job.gpus,
        is_job=True,
        shm_bytes=job.shm_bytes,
        memory_bytes=job.memory_bytes,
        processes=job.processes,
        on_output=on_output,
    )


def _guarded(project: Path, overlay: Overlay | None) -> tuple[Path, ...]:
    """Return what a contained job may read and not write: the host reads it, or runs what it says, afterwards."""
    names = GUARDED if overlay else (*GUARDED, LOCK)  # which an overlay hides
    return tuple(path for name in names if (path := project / name).exists() and not path.is_symlink())


def _check_end(completed: Completed, job: Job, secrets: Iterable[str], environment: str) -> None:
    if completed.exit_code == 0 and not completed.timed_out:
        return
    lines = _mask(completed.stderr.decode("utf-8", errors="replace"), secrets).splitlines()
    said = "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (nothing)"
    raise JobError(
        f"the job {shlex.join(job.command)} {_ending(completed, job)} in {environment}; last lines of its standard "
        f"error:\n{said}\n{_advice(completed, job, lines[-1] if lines else '', environment)}"
    )


def _ending(completed: Completed, job: Job) -> str:
    if completed.timed_out:
        return f"did not end within its limit of {job.timeout_seconds or completed.seconds:g} s"
    number = completed.exit_code - 128
    if number in set(signal.Signals):
        return f"was ended by {signal.Signals(number).name} (exit code {completed.exit_code})"
    return f"ended with exit code {completed.exit_code}"


def _advice(completed: Completed, job: Job, last: str, environment: str) -> str:
    if completed.timed_out:
        return "Raise `timeout` in envsnap.toml, or give the job less to do."
    contained = environment.startswith("container ")
    if "cross-device link" in last and not contained:
        return (
            "A run sees the project through an overlay of the kernel's, which renames no folder that was there before "
            "for a user who is not root: let the job copy it, as shutil.move does."
        )
    if contained and any(words in last for words in ("start new thread", "Cannot fork", "temporarily unavailable")):
        return f"`processes` in envsnap.toml limits the processes and threads of a container; it is {job.processes}."
    if contained and (missing := _MISSING_MODULE.match(last)):
        return (
            f"The container holds the locked packages, the project's folder, and what the baseline's runs used of its "
            f"repository beside that; {missing[1]} is none of these. Install it where you freeze, or let a run at "
            "freeze import it, and freeze anew."
        )
    if completed.exit_code == 128 + signal.SIGKILL:
        return "The kernel ends a process so when memory runs out: give the job more memory, or less to do."
    return (
        "Run the command by hand in the project until it succeeds; if it does there, envsnap.toml may lack "
        "`network`, or a variable in `env` or `pass-env`."
    )


def _secrets(job: Job, run: Run) -> list[str]:
    """Return the values that the caller passed through, the longest first: one may hold another."""
    values = (run.inherited.get(name, "") for name in job.pass_env)
    return sorted((value for value in values if len(value) >= _LEAST_SECRET), key=len, reverse=True)


def _mask(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return mask_credentials(text)
