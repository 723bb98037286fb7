"""envsnap verify: rerun the job in the rebuilt environment, compare with the baseline, and say so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import msgspec

from envsnap.capture.code import capture_code, changed_names, is_same_code
from envsnap.capture.data import CapturedData, capture_data, check_data, check_untouched
from envsnap.capture.findings.job import in_project, undeclared_reads
from envsnap.capture.hardware import query_gpus
from envsnap.compare import OutputPair, compare_outputs
from envsnap.errors import InputError, UsageError
from envsnap.host import git
from envsnap.host.files import exclusive
from envsnap.host.own_places import LOCK
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.diff.rebuilt import diff_job, diff_observation
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.layout import Layout
from envsnap.manifest.manifest import Baseline, Manifest
from envsnap.manifest.numerics import LoadedCode
from envsnap.manifest.observation import Observation, in_folder
from envsnap.manifest.outcome import Outcome
from envsnap.manifest.phrases import join_names
from envsnap.manifest.verdict import OutputVerdict, Verdict
from envsnap.manifest.working_tree import Code
from envsnap.run.baseline import baseline_files, read_listings
from envsnap.run.injection import check_known
from envsnap.workflow.accept import Acceptance, AcceptanceRequest, accept, check_acceptable, prepare_acceptance
from envsnap.workflow.build_first import build_first
from envsnap.workflow.environments import (
    choose_rebuilt,
    open_rebuilt,
    prove_equal,
    prove_sources,
    remember_target,
)
from envsnap.workflow.lock_source import LockSource, baseline_folder, open_lock_source
from envsnap.workflow.own_code import place_own_code
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import (
    ProjectFolder,
    job_to_verify,
    locked_profile,
    other_outputs,
    own_paths,
    profiles_of,
    read_project,
)
from envsnap.workflow.repeatability import causes_named, disagreements_named
from envsnap.workflow.runs import (
    NOT_OBSERVED,
    RECORDED,
    in_place_notes,
    plan_rerun,
    prove_ran_inside,
    repeat_job,
    restore_files,
)

MOST_READS = 5
MOST_CHANGED = 5
NOT_RECORDED = "the baseline does not have it: run 'envsnap freeze'"
NOT_DECLARED = "the baseline has it, and the job no longer declares it: never compared"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyRequest:
    """What the user asked for; ``target`` None means what was built last, ``build`` whether what is missing is built.

    ``profile`` None means the job itself; with ``prefix`` the rerun may be a shorter one, of which the steps that it
    has are compared.

    Without ``lock`` it is the bundle's own, or the project's; the baseline comes from where the lock does. With
    ``accept``, the reason why new numbers are meant, these become the baseline.
    """

    folder: Path
    env: Mapping[str, str]
    lock: Path | None
    bundle: Path | None = None
    target: BuildTarget | None = None
    image: str | None = None
    runs: int = 1
    profile: str | None = None
    prefix: bool = False
    build: bool = True
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What came of it.

    Args:
        verdict: on all outputs.
        environment: where the job ran.
        seconds: that each run took.
        digest: of the lock that was verified.
        built: whether the environment was built first.
        acceptable: whether --accept could take over numbers that differ.
        accepted: the lock with the numbers that it did take over.
    """

    verdict: Verdict
    environment: str
    seconds: tuple[float, ...]
    digest: str = ""
    built: bool = False
    acceptable: bool = False
    accepted: Manifest | None = None


def verify(request: VerifyRequest, progress: Progress) -> VerifyResult:
    """Check the inputs, build what is missing, prove the environment, run, compare, in this order.

    Raises:
        UsageError: the lock records no job or no baseline.
        InvalidFileError: the settings, the lock or the baseline's files are not valid.
        BundleError: the bundle is none, or damaged.
        InputError: an input is not the one that the lock records; nothing was run.
        BuildError: the environment was not built, or cannot be.
        EnvironmentDiffersError: the environment, or an editable source tree, is not the one that the lock records; or
            the job ran outside of it.
        JobError: the job failed, or wrote what cannot be accepted.
        MissingToolError: no engine answers.
    """
    if request.accept is not None:
        check_acceptable(request.accept, is_own_lock=is_own_lock(request), is_whole=not request.prefix)
    project = read_project(request.folder)
    source = open_lock_source(request.folder, request.lock, request.bundle, progress)
    with baseline_folder(source, project.folder) as recorded:
        return _verify(request, project, source, recorded, progress)


def _verify(
    request: VerifyRequest, project: ProjectFolder, source: LockSource, recorded: Path, progress: Progress
) -> VerifyResult:
    or_job = request.prefix and request.profile in profiles_of(project)
    manifest = locked_profile(source.manifest, request.profile, or_job=or_job)
    job = job_to_verify(project, manifest, request.profile)
    others = other_outputs(project, job, manifest=source.manifest)
    baseline, files = _baseline(manifest, recorded)
    chosen = choose_rebuilt(project.folder, manifest, target=request.target, image=request.image)
    with exclusive(project.folder):
        restore_files(project.folder, progress)
        data = _check_inputs(manifest, job, project.folder, recorded, progress)
        wanted = _prepare(request, source.manifest, baseline, job, others)
        may_build = request.build and request.image is None
        rebuilt = build_first(chosen, source, project.folder, request.env, progress) if may_build else chosen
        with open_rebuilt(rebuilt, request.env) as environment:
            progress.stage(f"comparing the {environment.name} with the lock")
            prefix = prove_equal(environment, manifest, project.folder)
            prove_sources(manifest, request.folder, request.env, offline=source.is_offline)
            executed = job if manifest.contents.hardware.gpus else job.without_gpus()
            with place_own_code(manifest, project.folder, request.env, progress, offline=source.is_offline) as code:
                run = plan_rerun(manifest, job, code, folder=request.folder, env=request.env, on_output=progress.detail)
                hidden = other_outputs(project, job, manifest=source.manifest, inputs=data.data)
                run = replace(run, read_only=(*run.read_only, *data.outside), others=hidden)
                runs = max(request.runs, job.runs) if wanted else request.runs
                outcomes = repeat_job(environment, executed, run, runs, progress)
            prove_ran_inside(outcomes, prefix, environment.name)
            name = environment.name
        check_untouched(job.inputs, project.folder, data)
        files = baseline_files(baseline, recorded)  # hashed again: a job without an overlay may have got at them
        compared = _judge(job, baseline, files, outcomes, prefix=request.prefix)
        notes = _all_notes(project, manifest, job, data, outcomes, others)
        verdict = msgspec.structs.replace(compared, notes=(*notes, *compared.notes))
        accepted = accept(wanted, outcomes, verdict, files, progress) if wanted else None
        if accepted is not None and request.image is None:
            remember_target(project.folder, rebuilt.target, rebuilt.reference, accepted)  # it was just proven equal
    return VerifyResult(
        verdict,
        name,
        tuple(outcome.seconds for outcome in outcomes),
        manifest.snapshot.digest,
        built=rebuilt is not chosen,
        acceptable=verdict.status == "fail" and not request.prefix and is_own_lock(request),
        accepted=accepted,
    )


def is_own_lock(request: VerifyRequest) -> bool:
    """Whether what is verified is the project's own lock, with the baseline beside it."""
    own, lock = request.folder / LOCK, request.lock
    is_own = lock is None or lock.absolute() == own.absolute() or lock.resolve() == own.resolve()
    return request.bundle is None and is_own


def _prepare(
    request: VerifyRequest, manifest: Manifest, baseline: Baseline, job: Job, others: Sequence[JobOutput]
) -> Acceptance | None:
    if request.accept is None:
        return None
    wanted = AcceptanceRequest(request.accept, request.folder, request.profile, request.env)
    return prepare_acceptance(wanted, manifest, baseline, job, others)


def _all_notes(
    project: ProjectFolder,
    manifest: Manifest,
    job: Job,
    data: CapturedData,
    outcomes: Sequence[Outcome],
    others: Sequence[JobOutput],
) -> tuple[str, ...]:
    reads = _undeclared(project, job, data, outcomes)
    return (
        *_notes(project, manifest, job, outcomes, others),
        *_left_in_project(project.folder, reads),
        *_new_outside(reads, manifest.contents.findings),
    )


def _baseline(manifest: Manifest, folder: Path) -> tuple[Baseline, Mapping[str, tuple[Path, ...]]]:
    baseline = manifest.contents.baseline
    if baseline is None:
        raise UsageError("envsnap.lock has no baseline to compare with: run 'envsnap freeze' without --no-run")
    check_known(baseline.injection)
    return baseline, baseline_files(baseline, folder)


def _check_inputs(
    manifest: Manifest, job: Job, folder: Path, recorded_folder: Path, progress: Progress
) -> CapturedData:
    if job.inputs or manifest.contents.data:
        progress.stage("checking the inputs")
    found = capture_data(job.inputs, folder)
    recorded = read_listings([datum.sha256 for datum in manifest.contents.data if datum.files], recorded_folder)
    problems = check_data(manifest.contents.data, found, recorded)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise InputError(
            f"the inputs are not those that envsnap.lock records; nothing was run:{lines}\n"
            "Restore them, or run 'envsnap freeze' if the new ones are meant"
        )
    return found


def _judge(
    job: Job,
    baseline: Baseline,
    files: Mapping[str, tuple[Path, ...]],
    outcomes: tuple[Outcome, ...],
    *,
    prefix: bool = False,
) -> Verdict:
    """Compare every declared output, and fail each one that only one side declares.

    With ``prefix`` the job may leave outputs out, which only a whole run writes; the verdict then says so.
    """
    pairs = [
        OutputPair(
            path=output.path,
            format=output.format,
            baselines=files[output.path],
            reruns=tuple(
                recorded.file for outcome in outcomes for recorded in outcome.outputs if recorded.path == output.path
            ),
            tolerance=output.tolerance,
            layout=output.layout or Layout(),
            recorded=baseline.runs,
            prefix=prefix,
        )
        for output in job.outputs
        if output.path in files
    ]
    verdict = compare_outputs(pairs)
    declared = {output.path for output in job.outputs}
    dropped = [output for output in baseline.outputs if output.path not in declared]
    if prefix and dropped:
        reason = f"{verdict.reason}; not compared: {', '.join(output.path for output in dropped)}"
        verdict, dropped = msgspec.structs.replace(verdict, reason=reason), []
    unmatched = [
        OutputVerdict(path=output.path, format=output.format, status="fail", reason=NOT_RECORDED)
        for output in job.outputs
        if output.path not in files
    ] + [
        OutputVerdict(path=output.path, format=output.format, status="fail", reason=NOT_DECLARED) for output in dropped
    ]
    if not unmatched:
        return verdict
    reason = f"{', '.join(output.path for output in unmatched)} cannot be compared"
    return Verdict(status="fail", outputs=(*unmatched, *verdict.outputs), reason=reason, notes=verdict.notes)


def _notes(
    project: ProjectFolder,
    manifest: Manifest,
    job: Job,
    outcomes: Sequence[Outcome],
    others: Sequence[JobOutput] = (),
) -> tuple[str, ...]:
    """Say what differs from the freeze and may explain the numbers, whatever the verdict."""
    contents = manifest.contents
    observations = [outcome.observation for outcome in outcomes if outcome.observation is not None]
    own = own_paths(job, project.folder, others)
    notes = [*_code_notes(project, contents.code, own), *_source_notes(contents.loaded, observations)]
    if contents.job is not None:
        notes += [f"the job differs from the locked one: {line}" for line in diff_job(contents.job, job)]
    if len(observations) < len(outcomes):
        notes.append(NOT_OBSERVED)
    notes += in_place_notes(outcomes)
    if contents.baseline is not None and contents.baseline.recorded:
        notes.append(RECORDED)
    if contents.baseline is not None and contents.baseline.observed:
        notes += dict.fromkeys(note for seen in observations for note in diff_observation(contents, seen))
    notes += [f"the reruns were not alike: {cause}" for cause in causes_named(outcomes)]
    notes += [f"the ranks were not alike: {line}" for line in disagreements_named(outcomes)]
    gpus = query_gpus()
    if len(gpus.gpus) != len(contents.hardware.gpus):
        notes.append(f"the lock records {len(contents.hardware.gpus)} GPUs, this machine has {len(gpus.gpus)}")
    return tuple(notes)


def _undeclared(project: ProjectFolder, job: Job, data: CapturedData, outcomes: Sequence[Outcome]) -> frozenset[str]:
    """Return what the runs read that is no input, no output and none of the settings."""
    outputs, folder = [output.path for output in job.outputs], project.folder.absolute()
    seen = [outcome.observation for outcome in outcomes if outcome.observation is not None]
    return frozenset(
        file.path
        for observation in seen
        for file in undeclared_reads(observation, declared=data, outputs=outputs, project=folder)
    )


def _left_in_project(folder: Path, reads: Iterable[str]) -> Iterator[str]:
    """Name what neither git nor the lock knows: it is not part of what was verified."""
    if left := git.untracked(folder, in_project(reads)):
        yield (
            f"the job read {join_names(left, MOST_READS)}, which git does not track and job.inputs does not name: "
            "left by an earlier run or by hand; the lock says nothing of it"
        )


def _new_outside(reads: Iterable[str], findings: Sequence[Finding]) -> Iterator[str]:
    """Name what lies outside of the project, and which the freeze did not tell of."""
    told = {finding.subject for finding in findings if finding.kind == "undeclared-input"}
    if "others" in told:  # not all of them were told
        return
    outside = set(reads) - set(in_project(reads))
    strange = sorted(path for path in outside if not {path, f"{PurePosixPath(path).parent}/"} & told)
    if strange:
        yield f"the job read {join_names(strange, MOST_READS)} outside of the project, which it did not at freeze"


def _code_notes(project: ProjectFolder, locked: Code | None, own: Sequence[str]) -> Iterator[str]:
    if locked is None:
        return
    found = capture_code(project.folder, own)
    if not isinstance(found, Code):
        yield f"the lock records commit {locked.commit[:12]}, but the code here cannot be told: {found.reason}"
    elif not is_same_code(project.folder, own, locked, found):
        names = join_names(changed_names(project.folder, own, locked, found), MOST_CHANGED)
        changed = f": {names} changed" if names else ""
        yield f"the code is not the locked one{changed} (locked {_spell(locked)}, here {_spell(found)})"


def _source_notes(locked: LoadedCode | None, seen: Iterable[Observation]) -> Iterator[str]:
    """Name the source files that are not as they were at freeze, where no version control told the code."""
    then = {file.path: file.sha256 for file in locked.sources} if locked is not None else {}
    now = {file.path: file.sha256 for one in seen for file in one.sources if in_folder(file.path)}
    changed = sorted(path for path in then.keys() & now.keys() if then[path] != now[path])
    if changed:
        yield f"the code is not the locked one: {join_names(changed, MOST_CHANGED)} changed"


def _spell(code: Code) -> str:
    return f"{code.commit[:12]} with changes" if code.dirty else code.commit[:12]
