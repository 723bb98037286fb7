"""What was captured, and what the job's runs gave -> the contents of a manifest, with its findings."""

from collections.abc import Iterator

from envsnap.capture.accelerator import describe_accelerator
from envsnap.capture.accelerator_findings import accelerator_findings
from envsnap.capture.hardware import capture_hardware
from envsnap.capture.numerics import capture_loaded, capture_numerics, numerics_variables
from envsnap.capture.system import CapturedSystem
from envsnap.capture.tracked_inputs import describe_tracked
from envsnap.host.credentials import without_credentials
from envsnap.host.index_config import reachable_elsewhere
from envsnap.host.secrets import secret_variables
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.finding import Finding, NotCaptured
from envsnap.manifest.manifest import Baseline, Conda, Contents
from envsnap.manifest.observation import Observation
from envsnap.manifest.working_tree import Code
from envsnap.render.base_image import choose_base_image
from envsnap.workflow.capture import Captured, ask_system
from envsnap.workflow.project import default_threads


def describe(captured: Captured, *, observation: Observation | None, baseline: Baseline | None) -> Contents:
    """Make a manifest's contents of what was captured, and of what the job's runs gave where it was run."""
    found, subject = captured.found, captured.subject
    if observation is None and isinstance(captured.deep, Observation):
        observation = captured.deep
    env, job = subject.request.env, subject.job
    system = _system(captured, observation)
    data, of_data = describe_tracked(captured.data, subject.project.folder)
    accelerator = _accelerator(captured, observation)
    return Contents(
        interpreter=found.interpreter,
        platform=found.platform,
        hardware=capture_hardware(captured.gpus, found.machine),
        accelerator=accelerator,
        numerics=capture_numerics(job.threads if job else default_threads(env), numerics_variables(env), observation),
        packages=captured.packages,
        conda=Conda(packages=found.conda) if found.conda else None,
        system=system.system,
        code=captured.code.code if isinstance(captured.code.code, Code) else None,
        data=data,
        job=job,
        baseline=baseline,
        build=_build_spec(captured),
        specification=captured.specification,
        loaded=capture_loaded(observation) if baseline else None,
        findings=tuple(sorted({*_findings(captured, accelerator, observation), *system.findings, *of_data})),
        not_captured=(*_not_captured(captured, observation), *system.not_captured),
    )


def _findings(captured: Captured, accelerator: Accelerator, observation: Observation | None) -> Iterator[Finding]:
    yield from captured.found.findings
    yield from captured.locking
    yield from captured.code.findings
    yield from captured.files.findings if captured.files else ()
    yield from accelerator_findings(accelerator, captured.gpus.problem)
    yield from _secret_variables(captured)
    if observation is not None:
        from envsnap.capture.job_findings import job_findings

        subject = captured.subject
        outputs = [output.path for output in subject.job.outputs] if subject.job else []
        folder = subject.project.folder.absolute()
        yield from job_findings(observation, declared=captured.data, outputs=outputs, project=folder)


def _secret_variables(captured: Captured) -> Iterator[Finding]:
    """Name the caller's variables that look like secrets: a reader may wonder whether the job depends on them."""
    job = captured.subject.job
    passed = frozenset(job.pass_env if job else ())
    for name in secret_variables(captured.subject.request.env):
        given = "the job gets it by pass-env" if name in passed else "the job does not get it"
        yield Finding(kind="secret-left-out", subject=f"variable {name}", detail=f"its value is not recorded; {given}")


def _not_captured(captured: Captured, observation: Observation | None) -> Iterator[NotCaptured]:
    yield from captured.found.not_captured
    yield from captured.files.not_captured if captured.files else ()
    if isinstance(captured.code.code, NotCaptured):
        yield captured.code.code
    if isinstance(captured.deep, NotCaptured):
        yield captured.deep
    if captured.gpus.problem:
        yield NotCaptured(what="gpus", reason=captured.gpus.problem)
    for text in observation.errors if observation else ():
        yield NotCaptured(what="observation", reason=text)


def _accelerator(captured: Captured, observation: Observation | None) -> Accelerator:
    libraries = observation.libraries if observation else ()
    loaded = [library for library in libraries if library.family == "accelerator"]
    return describe_accelerator(captured.gpus, captured.found.accelerator, captured.found.packages, loaded)


def _system(captured: Captured, observation: Observation | None) -> CapturedSystem:
    subject, loaded = captured.subject, observation.libraries if observation else ()
    return ask_system(subject.environment, subject.project.folder, captured.found, loaded)


def _build_spec(captured: Captured) -> BuildSpec:
    found, wishes = captured.found, captured.subject.project.settings.build
    remote = reachable_elsewhere(captured.config)
    tags = [tag for package in captured.packages for tag in package.installed.tags]
    return BuildSpec(
        base_image=wishes.base_image or choose_base_image(found.interpreter, found.platform, tags),
        apt=tuple(sorted(set(wishes.apt))),
        index_url=without_credentials(remote.index_url) if remote.index_url else None,
        extra_index_urls=tuple(without_credentials(url) for url in remote.extra_index_urls),
    )
