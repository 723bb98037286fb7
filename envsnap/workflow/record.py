"""The runs of the job that freeze makes, and the baseline that they become."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsnap.capture.data import check_untouched
from envsnap.capture.hardware import this_machine
from envsnap.errors import InvalidFileError, OutputError, UsageError
from envsnap.host import git
from envsnap.host.own_places import BASELINE, LOCK
from envsnap.manifest.job import Job
from envsnap.manifest.layout import Layout
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Baseline
from envsnap.manifest.outcome import Outcome
from envsnap.manifest.phrases import join_names
from envsnap.run.baseline import record_baseline
from envsnap.run.job import Run
from envsnap.run.output_files import leave_outputs, made_folders, take_outputs
from envsnap.run.overlaid import WRITTEN
from envsnap.workflow.capture import Facts
from envsnap.workflow.lock_packages import PackageSet
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import other_outputs
from envsnap.workflow.repeatability import causes_named, differences_told, disagreements_named
from envsnap.workflow.runs import (
    NOT_OBSERVED,
    RECORDED,
    in_place_notes,
    inherited_variables,
    new_run_folder,
    prove_ran_inside,
    remove_old_runs,
    repeat_job,
    runs_folder,
)
from envsnap.workflow.subject import Subject

MOST_NAMES = 5
NOT_RUN = (
    "the job is not run: nothing that --from names is installed yet. Rebuild the lock with 'envsnap build --target "
    "venv', and freeze that environment with --python for a baseline"
)


@dataclass(frozen=True, slots=True)
class Recording:
    """The job's runs, and the baseline that they became."""

    outcomes: tuple[Outcome, ...]
    baseline: Baseline

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each run took; nothing where none was made."""
        return () if self.baseline.recorded else tuple(outcome.seconds for outcome in self.outcomes)


def record(
    subject: Subject, facts: Facts, packages: PackageSet, progress: Progress, *, runs: int | None = None
) -> Recording | None:
    """Run the job as often as it says, and keep its outputs as the baseline; None where there is none to run.

    Args:
        subject: what is captured.
        facts: what was captured of it.
        packages: those of the lock.
        progress: is told what is done.
        runs: how often to run it, where that is not for the job to say.

    Raises:
        JobError: a run failed, or did not write a declared output.
        InputError: the job changed one of its inputs.
        EnvironmentDiffersError: the job ran outside of the captured environment.
        MissingToolError: the command or the engine is not there.
    """
    job, environment, folder = subject.job, subject.environment, subject.project.folder
    if job is None:
        return None
    if packages.specification is not None:
        progress.warn(NOT_RUN)
        return None
    run = _plan(job, subject, facts, progress)
    outcomes = repeat_job(environment, job, run, runs or job.runs, progress)
    if any(outcome.observation is None for outcome in outcomes):
        progress.warn(NOT_OBSERVED)
    for note in in_place_notes(outcomes):
        progress.warn(note)
    prove_ran_inside(outcomes, facts.environment.prefix, environment.name)
    check_untouched(job.inputs, folder, facts.data)
    baseline = record_baseline(outcomes, folder, made=run.made, injection=run.injection)
    leave_outputs(outcomes[-1].outputs, folder)
    _tell_ignored(folder, baseline, progress)
    progress.stage(f"leaving the outputs of the last run in the project: {_names(outcomes[-1])}")
    _tell_differences(job, outcomes, baseline, progress)
    _tell_of_outputs(job, outcomes[0], progress)
    return Recording(outcomes, baseline)


def _tell_ignored(project: Path, baseline: Baseline, progress: Progress) -> None:
    """Warn of what a clone would lack: a pattern that is meant for an output can hit the baseline's copy of it."""
    kept = [f"{BASELINE}/{baseline.folder}/run-1/{output.path}" for output in baseline.outputs]
    if hit := git.ignored(project, kept):
        progress.warn(
            f"git ignores {join_names(hit, MOST_NAMES)}: a clone would lack the baseline. Begin the pattern with '/', "
            f"or add '!/{BASELINE}/**' to .gitignore"
        )


def record_standing(subject: Subject, progress: Progress) -> Recording:
    """Take the outputs that stand in the project as the baseline of one run, which nobody observed.

    Raises:
        UsageError: no job is described, or it declares no outputs.
        InvalidFileError: an output's path leads out of the project.
        JobError: an output is not there, or cannot be kept.
    """
    job, folder = subject.job, subject.project.folder
    if job is None or not job.outputs:
        raise UsageError("--record takes a job's outputs, and none are declared: name them under [[job.outputs]]")
    progress.stage("taking the outputs that stand in the project as the baseline")
    outputs = take_outputs(job.outputs, folder, new_run_folder(folder) / WRITTEN)
    remove_old_runs(folder)
    outcome = Outcome(outputs=outputs)
    above = tuple(str(place) for output in job.outputs for place in Path(output.path).parents)
    made = made_folders(job.outputs, above, folder, subject.others)
    baseline = record_baseline([outcome], folder, made=made, recorded=True)
    progress.warn(RECORDED)
    _tell_of_outputs(job, outcome, progress)
    return Recording((outcome,), baseline)


def _tell_of_outputs(job: Job, outcome: Outcome, progress: Progress) -> None:
    for found in _found_out(job, outcome):
        progress.warn(found)
    for problem in never_passing(job, outcome):
        progress.warn(f"no verify can pass with this baseline: {problem}")


def _tell_differences(job: Job, outcomes: Sequence[Outcome], baseline: Baseline, progress: Progress) -> None:
    for cause in causes_named(outcomes):
        progress.warn(f"the runs were not alike: {cause}")
    for line in disagreements_named(outcomes):
        progress.warn(f"the ranks were not alike: {line}")
    if not baseline.bitwise_repeatable:
        for difference in differences_told(job, outcomes):
            progress.warn(difference)


def _plan(job: Job, subject: Subject, facts: Facts, progress: Progress) -> Run:
    project = subject.project.folder
    return Run(
        project=project,
        folder=runs_folder(project),
        inherited=inherited_variables(job, subject.request.env),
        read_only=facts.data.outside,
        made=made_folders(job.outputs, _known_folders(project), project, subject.others),
        others=other_outputs(subject.project, job, inputs=facts.data.data),
        limits=(facts.environment.machine or this_machine()).limits,
        hide_baseline=False,
        on_output=progress.detail,
    )


def _known_folders(project: Path) -> tuple[str, ...]:
    """Return the folders that the jobs made themselves at former freezes, which left outputs in them."""
    lock = project / LOCK
    try:
        former, _ = parse_manifest(lock.read_text(encoding="utf-8"), source=str(lock))
    except (OSError, UnicodeDecodeError, InvalidFileError):
        return ()  # none, or one that this freeze is to replace
    recorded = [one.baseline for one in former.contents.each_job if one.baseline is not None]
    return tuple(folder for baseline in recorded for folder in baseline.made_folders)


def _names(outcome: Outcome) -> str:
    return join_names([output.path for output in outcome.outputs if output.file is not None], MOST_NAMES)


def _found_out(job: Job, outcome: Outcome) -> Iterator[str]:
    """Say of each table how it was read, where its settings left that open and it is not the usual way."""
    from envsnap.compare.tables import find_dialect

    for declared, output in zip(job.outputs, outcome.outputs, strict=True):
        if output.format != "csv" or output.file is None:
            continue
        layout = declared.layout or Layout()
        try:
            dialect = find_dialect(output.file, layout)
        except OutputError:
            continue  # told below, as what no verify can pass with
        if layout.header is None and not dialect.has_header:
            yield f"{output.path} has no header: its columns are called 'column 1' and so on; header = true says it has"
        if layout.delimiter is None and dialect.delimiter != ",":
            yield f"{output.path} is read with the delimiter {dialect.delimiter!r}; `delimiter` sets another"


def never_passing(job: Job, outcome: Outcome) -> Iterator[str]:
    """Compare the first run with itself: what fails even so, a NaN or an empty file, fails every verify."""
    if not job.outputs:
        yield "the job declares no outputs: name its files under [[job.outputs]] in envsnap.toml"
        return
    from envsnap.compare import OutputPair, compare_outputs

    declared = {output.path: output for output in job.outputs}
    pairs = [
        OutputPair(
            path=output.path,
            format=output.format,
            baselines=(output.file,),
            reruns=(output.file,),
            tolerance=declared[output.path].tolerance,
            layout=declared[output.path].layout or Layout(),
        )
        for output in outcome.outputs
    ]
    verdict = compare_outputs(pairs)
    for failed in verdict.outputs:
        if failed.status != "pass":
            reasons = [f"{item.name}: {item.reason}" for item in failed.items if item.status == "fail"]
            yield f"{failed.path}: {'; '.join(reasons[:3]) or failed.reason}"
