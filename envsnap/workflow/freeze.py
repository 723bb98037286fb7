"""envsnap freeze: this environment and the job's results -> envsnap.lock and envsnap.baseline/."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from envsnap import __version__
from envsnap.capture.accelerator import capture_accelerator, find_toolkit
from envsnap.capture.cuda_libraries import describe_libraries, find_cuda_libraries
from envsnap.capture.data import CapturedData, capture_data, check_untouched
from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.hardware import capture_hardware
from envsnap.capture.numerics import capture_numerics, numerics_variables
from envsnap.capture.source import capture_code
from envsnap.capture.system import capture_system
from envsnap.environment import Environment
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import UsageError
from envsnap.host import nvml
from envsnap.host.files import atomic_write, exclusive, remove_unfinished, work_folder
from envsnap.host.index_config import IndexConfig, reachable_elsewhere, read_index_config, without_credentials
from envsnap.lock.files import OnThisMachine
from envsnap.lock.lock import Sources, lock_packages
from envsnap.lock.memo import Memo
from envsnap.manifest.accelerator import AcceleratorLibrary
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.finding import NotCaptured
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import HEADER, dump_manifest, seal
from envsnap.manifest.manifest import Baseline, Conda, Contents, Manifest
from envsnap.manifest.observation import Observation
from envsnap.manifest.outcome import Outcome
from envsnap.manifest.package import Package
from envsnap.manifest.working_tree import Code
from envsnap.render.base_image import choose_base_image
from envsnap.run.baseline import prune_baselines, record_baseline, write_listings
from envsnap.run.job import Run
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import (
    LOCK,
    ProjectFolder,
    choose_python,
    default_threads,
    job_to_freeze,
    own_paths,
    read_project,
)
from envsnap.workflow.runs import NOT_OBSERVED, inherited_variables, prove_ran_inside, put_back, repeat_job, runs_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeRequest:
    """What the user asked for. ``env`` is the caller's environment; ``output`` the lock, None for the usual place."""

    folder: Path
    env: Mapping[str, str]
    python: Path | None = None
    prefix: Path | None = None
    output: Path | None = None
    command: tuple[str, ...] = ()
    run: bool = True
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Frozen:
    """A written manifest and the seconds that each run of the job took."""

    manifest: Manifest
    path: Path
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What the stages before the job's run found."""

    captured: CapturedEnvironment
    packages: tuple[Package, ...]
    data: CapturedData
    config: IndexConfig
    code: Code | NotCaptured


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the job's runs gave; nothing where it was not run."""

    outcomes: tuple[Outcome, ...] = ()
    baseline: Baseline | None = None


def freeze(request: FreezeRequest, progress: Progress) -> Frozen:
    """Capture, lock, run, record and write, in this order; the former lock stays until the last step.

    Raises:
        EnvsnapError: see the stages.
    """
    project = read_project(request.folder)
    job = job_to_freeze(project, request.command, request.env)
    python = choose_python(project.folder, request.env, request.python, request.prefix)
    environment = LocalEnvironment(python, caller=request.env)
    path = _place(request, project.folder)
    with exclusive(project.folder):
        put_back(project.folder, progress)
        remove_unfinished(project.folder / LOCK)
        findings = _capture_and_lock(request, project, job, environment, progress)
        recorded = _Recorded()
        if job is not None and request.run:
            recorded = _record(request, project, job, environment, findings, progress)
        contents = _contents(request, project, job, findings, recorded)
        manifest = seal(contents, created_by=f"envsnap {__version__}", created_at=_now())
        write_listings(findings.data.listings, project.folder)
        atomic_write(path, dump_manifest(manifest).encode("utf-8"))
        prune_baselines(project.folder, _locks(project.folder, path))
    return Frozen(manifest, path, tuple(outcome.seconds for outcome in recorded.outcomes))


def _place(request: FreezeRequest, folder: Path) -> Path:
    """Return where the lock goes; another file that stands there is never overwritten."""
    path = request.output or folder / LOCK
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(HEADER.encode())):
        raise UsageError(f"{path} is not a lock that envsnap wrote, and would be overwritten: name another place")
    return path


def _capture_and_lock(
    request: FreezeRequest, project: ProjectFolder, job: Job | None, environment: Environment, progress: Progress
) -> _Findings:
    progress.stage(f"probing the {environment.name}")
    captured = capture_environment(environment, project.folder)
    for problem in captured.not_captured:
        progress.warn(f"{problem.what}: {problem.reason}")
    if job is not None and job.inputs:
        progress.stage("hashing the inputs")
    data = capture_data(job.inputs if job else (), project.folder)
    config = read_index_config(request.env, prefix=captured.prefix)
    progress.stage(f"locking {len(captured.packages)} packages")
    packages = lock_packages(captured.packages, _sources(request, project.folder, environment, captured, config))
    for reason, names in _without_artefact(packages):
        progress.warn(f"no artefact, so not to be rebuilt: {', '.join(names)}: {reason}")
    return _Findings(captured, packages, data, config, capture_code(project.folder, own_paths(job)))


def _without_artefact(packages: Sequence[Package]) -> list[tuple[str, list[str]]]:
    """Group the packages that cannot be rebuilt by the reason."""
    lacking = [package for package in packages if package.installed.evidence == "none"]
    reasons = dict.fromkeys(package.installed.reason for package in lacking)
    return [(reason, [package.name for package in lacking if package.installed.reason == reason]) for reason in reasons]


def _sources(
    request: FreezeRequest, folder: Path, environment: Environment, captured: CapturedEnvironment, config: IndexConfig
) -> Sources:
    from envsnap.host.uv import find_uv
    from envsnap.host.wheel_file import RemoteWheels

    work, uv = work_folder(folder), find_uv(config)
    return Sources(
        python=Path(environment.python),
        files=OnThisMachine(captured.prefix),
        project=folder,
        wheels=work / "wheels",
        locker=None if request.offline else uv,
        alternatives=() if request.offline else uv.one_index_each(),
        records=None if request.offline else RemoteWheels(config),
        builder=None if request.offline else uv,
        memo=Memo(work / "cache" / "artefacts.json", work / "wheels"),
    )


def _plan(request: FreezeRequest, project: ProjectFolder, job: Job, findings: _Findings, progress: Progress) -> Run:
    return Run(
        project=project.folder,
        folder=runs_folder(project.folder),
        inherited=inherited_variables(job, request.env),
        read_only=findings.data.outside,
        keep_outputs=True,
        on_output=progress.detail,
    )


def _record(
    request: FreezeRequest,
    project: ProjectFolder,
    job: Job,
    environment: Environment,
    findings: _Findings,
    progress: Progress,
) -> _Recorded:
    run = _plan(request, project, job, findings, progress)
    outcomes = repeat_job(environment, job, run, job.runs, progress)
    if any(outcome.observation is None for outcome in outcomes):
        progress.warn(NOT_OBSERVED)
    prove_ran_inside(outcomes, findings.captured.prefix, environment.name)
    check_untouched(job.inputs, project.folder, findings.data)
    recorded = _Recorded(outcomes, record_baseline(outcomes, project.folder))
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


def _contents(
    request: FreezeRequest, project: ProjectFolder, job: Job | None, findings: _Findings, recorded: _Recorded
) -> Contents:
    captured, code, gpus = findings.captured, findings.code, nvml.query()
    observation = recorded.outcomes[0].observation if recorded.outcomes else None
    problems = [*captured.not_captured, *([code] if isinstance(code, NotCaptured) else [])]
    problems += [NotCaptured(what="gpus", reason=gpus.problem)] if gpus.problem else []
    problems += [NotCaptured(what="observation", reason=text) for text in (observation.errors if observation else ())]
    toolkit = find_toolkit(request.env.get("PATH", ""))
    threads = job.threads if job else default_threads(request.env)
    return Contents(
        interpreter=captured.interpreter,
        platform=captured.platform,
        hardware=capture_hardware(gpus),
        accelerator=capture_accelerator(
            gpus,
            toolkit=toolkit,
            torch_build=captured.torch_build,
            libraries=_libraries(request, captured, observation),
        ),
        numerics=capture_numerics(threads, numerics_variables(request.env), observation),
        packages=findings.packages,
        conda=Conda(packages=captured.conda) if captured.conda else None,
        system=capture_system(observation.libraries) if observation else None,
        code=None if isinstance(code, NotCaptured) else code,
        data=findings.data.data,
        job=job,
        baseline=recorded.baseline,
        build=_build_spec(project, findings),
        not_captured=tuple(problems),
    )


def _libraries(
    request: FreezeRequest, captured: CapturedEnvironment, observation: Observation | None
) -> tuple[AcceleratorLibrary, ...]:
    roots = dict.fromkeys(Path(package.root) for package in captured.packages)
    loaded = [library for library in observation.libraries if library.family == "accelerator"] if observation else []
    places = {"{prefix}": captured.prefix, "{base}": captured.base_prefix}
    return describe_libraries(find_cuda_libraries(roots, captured.prefix, request.env), loaded, places)


def _build_spec(project: ProjectFolder, findings: _Findings) -> BuildSpec:
    captured, wishes = findings.captured, project.settings.build
    remote = reachable_elsewhere(findings.config)
    tags = [tag for package in captured.packages for tag in package.tags]
    return BuildSpec(
        base_image=wishes.base_image or choose_base_image(captured.interpreter, captured.platform, tags),
        apt=tuple(sorted(set(wishes.apt))),
        index_url=without_credentials(remote.index_url) if remote.index_url else None,
        extra_index_urls=tuple(without_credentials(url) for url in remote.extra_index_urls),
    )


def _locks(folder: Path, written: Path) -> list[str]:
    places = (path for path in {written, *folder.glob("*.lock")} if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in places]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
