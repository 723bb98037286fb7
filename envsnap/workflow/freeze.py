"""envsnap freeze: this environment and the job's results -> envsnap.lock and envsnap.baseline/."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from envsnap import __version__
from envsnap.capture.data import check_untouched
from envsnap.errors import UsageError
from envsnap.host.files import atomic_write, exclusive, remove_unfinished
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import HEADER, dump_manifest, seal
from envsnap.manifest.manifest import Baseline, Manifest
from envsnap.manifest.outcome import Outcome
from envsnap.run.baseline import prune_baselines, record_baseline, write_listings, write_patch
from envsnap.run.job import Run
from envsnap.workflow.capture import Captured, capture
from envsnap.workflow.describe import describe
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import LOCK
from envsnap.workflow.runs import NOT_OBSERVED, inherited_variables, prove_ran_inside, put_back, repeat_job, runs_folder
from envsnap.workflow.subject import Probing, Subject

NOT_RUN = (
    "the job is not run: nothing that --from names is installed yet. Rebuild the lock with 'envsnap build --target "
    "venv', and freeze that environment with --python for a baseline"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeRequest:
    """What the user asked for: whether to run the job, and where the lock goes; None for the usual place."""

    output: Path | None = None
    run: bool = True


@dataclass(frozen=True, slots=True)
class Frozen:
    """A written manifest and the seconds that each run of the job took."""

    manifest: Manifest
    path: Path
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the job's runs gave; nothing where it was not run."""

    outcomes: tuple[Outcome, ...] = ()
    baseline: Baseline | None = None


def freeze(request: FreezeRequest, subject: Subject, probing: Probing, progress: Progress) -> Frozen:
    """Capture and lock, run, record and write, in this order; the former lock stays until the last step.

    Args:
        request: what the user asked for.
        subject: what to capture.
        probing: the probe of its environment, which runs already.
        progress: is told of the stages.

    Raises:
        EnvsnapError: see the stages.
    """
    folder, job = subject.project.folder, subject.job
    path = _place(request, folder)
    with exclusive(folder):
        put_back(folder, progress)
        remove_unfinished(folder / LOCK)
        captured = _capture(subject, probing, progress)
        runs = job is not None and request.run and _can_run(captured, progress)
        recorded = _record(job, captured, progress) if job is not None and runs else _Recorded()
        observation = recorded.outcomes[0].observation if recorded.outcomes else None
        contents = describe(captured, observation=observation, baseline=recorded.baseline)
        manifest = seal(contents, created_by=f"envsnap {__version__}", created_at=_now())
        write_listings(captured.data.listings, folder)
        write_patch(captured.code.patch, folder)
        atomic_write(path, dump_manifest(manifest).encode("utf-8"))
        prune_baselines(folder, _locks(folder, path))
    return Frozen(manifest, path, tuple(outcome.seconds for outcome in recorded.outcomes))


def _place(request: FreezeRequest, folder: Path) -> Path:
    """Return where the lock goes; another file that stands there is never overwritten."""
    path = request.output or folder / LOCK
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(HEADER.encode())):
        raise UsageError(f"{path} is not a lock that envsnap wrote, and would be overwritten: name another place")
    return path


def _capture(subject: Subject, probing: Probing, progress: Progress) -> Captured:
    wished = subject.request.specification
    captured = capture(subject, progress, probing=probing, artefacts=wished is None)
    if wished is None:
        return captured
    from envsnap.workflow.specification import with_specification

    return with_specification(captured, wished, progress)


def _can_run(captured: Captured, progress: Progress) -> bool:
    if captured.specification is not None:
        progress.warn(NOT_RUN)
    return captured.specification is None


def _plan(job: Job, captured: Captured, progress: Progress) -> Run:
    project = captured.subject.project.folder
    return Run(
        project=project,
        folder=runs_folder(project),
        inherited=inherited_variables(job, captured.subject.request.env),
        read_only=captured.data.outside,
        keep_outputs=True,
        on_output=progress.detail,
    )


def _record(job: Job, captured: Captured, progress: Progress) -> _Recorded:
    environment, folder = captured.subject.environment, captured.subject.project.folder
    outcomes = repeat_job(environment, job, _plan(job, captured, progress), job.runs, progress)
    if any(outcome.observation is None for outcome in outcomes):
        progress.warn(NOT_OBSERVED)
    prove_ran_inside(outcomes, captured.found.prefix, environment.name)
    check_untouched(job.inputs, folder, captured.data)
    recorded = _Recorded(outcomes, record_baseline(outcomes, folder))
    for problem in _never_passing(job, outcomes[0]):
        progress.warn(f"no verify can pass with this baseline: {problem}")
    return recorded


def _never_passing(job: Job, outcome: Outcome) -> Iterator[str]:
    """Compare the first run with itself: what fails even so, a NaN or an empty file, fails every verify."""
    if not job.outputs:
        yield "the job declares no outputs: name its files under [[job.outputs]] in envsnap.toml"
        return
    from envsnap.compare import OutputPair, compare_outputs

    tolerances = {output.path: output.tolerance for output in job.outputs}
    pairs = [
        OutputPair(
            path=output.path,
            format=output.format,
            baselines=(output.file,),
            reruns=(output.file,),
            tolerance=tolerances[output.path],
        )
        for output in outcome.outputs
    ]
    verdict = compare_outputs(pairs)
    for failed in verdict.outputs:
        if failed.status != "pass":
            reasons = [f"{item.name}: {item.reason}" for item in failed.items if item.status == "fail"]
            yield f"{failed.path}: {'; '.join(reasons[:3]) or failed.reason}"


def _locks(folder: Path, written: Path) -> list[str]:
    places = (path for path in {written, *folder.glob("*.lock")} if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in places]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
