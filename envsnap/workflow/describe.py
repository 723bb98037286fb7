"""What was captured, and what the job's runs gave -> the contents of a manifest, with its findings."""

from collections.abc import Iterator

from msgspec.structs import replace

from envsnap.capture.accelerator import describe_accelerator
from envsnap.capture.code import find_beside
from envsnap.capture.findings.accelerator import accelerator_findings
from envsnap.capture.hardware import capture_hardware
from envsnap.capture.numerics import capture_loaded, capture_numerics, numerics_variables
from envsnap.capture.tracked_inputs import describe_tracked
from envsnap.host import git
from envsnap.host.credentials import without_credentials
from envsnap.host.index.config import reachable_elsewhere
from envsnap.host.secrets import secret_variables
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.manifest import Conda, Contents
from envsnap.manifest.observation import Observation
from envsnap.manifest.working_tree import Code
from envsnap.render.base_image import choose_base_image
from envsnap.workflow.capture import Facts, ask_system
from envsnap.workflow.lock_packages import PackageSet
from envsnap.workflow.project import default_threads
from envsnap.workflow.record import Recording
from envsnap.workflow.repeatability import runs_differ
from envsnap.workflow.subject import Subject


def describe(subject: Subject, facts: Facts, packages: PackageSet, recorded: Recording | None) -> Contents:
    """Make a manifest's contents of what was captured, and of what the job's runs gave where it was run."""
    found, job, env = facts.environment, subject.job, subject.request.env
    observation = _observation(facts, recorded)
    system = ask_system(subject, facts, observation.libraries if observation else ())
    data, of_data = describe_tracked(facts.data, subject.project.folder)
    accelerator = _accelerator(facts, observation)
    findings = (*_findings(subject, facts, accelerator, recorded), *packages.findings, *system.findings, *of_data)
    return Contents(
        interpreter=found.interpreter,
        platform=found.platform,
        hardware=capture_hardware(facts.gpus, found.machine),
        accelerator=accelerator,
        numerics=capture_numerics(job.threads if job else default_threads(env), numerics_variables(env), observation),
        packages=packages.packages,
        conda=Conda(packages=found.conda) if found.conda else None,
        system=system.system,
        code=_code(subject, facts, recorded),
        data=data,
        job=job,
        baseline=recorded.baseline if recorded else None,
        build=_build_spec(subject, facts, packages),
        specification=packages.specification,
        loaded=capture_loaded(observation, is_versioned=isinstance(facts.code.code, Code)) if recorded else None,
        findings=tuple(sorted(set(findings))),
        not_captured=(*_not_captured(facts, observation), *system.not_captured),
    )


def _code(subject: Subject, facts: Facts, recorded: Recording | None) -> Code | None:
    """Return the working tree, with what the runs used of it outside of the project's folder."""
    code = facts.code.code
    if not isinstance(code, Code):
        return None
    seen = [outcome.observation for outcome in recorded.outcomes] if recorded else []
    return replace(code, beside=find_beside(subject.project.folder, filter(None, seen)))


def _observation(facts: Facts, recorded: Recording | None) -> Observation | None:
    """Return what the first run saw, or else what a look at the frameworks gave."""
    seen = recorded.outcomes[0].observation if recorded else None
    return facts.deep if seen is None and isinstance(facts.deep, Observation) else seen


def _findings(
    subject: Subject, facts: Facts, accelerator: Accelerator, recorded: Recording | None
) -> Iterator[Finding]:
    observation = _observation(facts, recorded)
    yield from facts.environment.findings
    yield from facts.code.findings
    yield from facts.files.findings if facts.files else ()
    yield from accelerator_findings(accelerator, facts.gpus.problem)
    yield from _secret_variables(subject)
    yield from runs_differ(recorded.outcomes) if recorded else ()
    runs = [outcome.observation for outcome in recorded.outcomes] if recorded else []
    for seen in filter(None, runs if any(runs) else [observation]):
        from envsnap.capture.findings.job import in_project, job_findings

        outputs = [output.path for output in subject.job.outputs] if subject.job else []
        folder = subject.project.folder.absolute()
        untracked = git.untracked(folder, in_project(file.path for file in seen.opened))
        yield from job_findings(seen, declared=facts.data, outputs=outputs, project=folder, untracked=untracked)


def _secret_variables(subject: Subject) -> Iterator[Finding]:
    """Name the caller's variables that look like secrets: a reader may wonder whether the job depends on them."""
    passed = frozenset(subject.job.pass_env if subject.job else ())
    for name in secret_variables(subject.request.env):
        given = "the job gets it by pass-env" if name in passed else "the job does not get it"
        yield Finding(kind="secret-left-out", subject=f"variable {name}", detail=f"its value is not recorded; {given}")


def _not_captured(facts: Facts, observation: Observation | None) -> Iterator[UncapturedFact]:
    yield from facts.environment.not_captured
    yield from facts.files.not_captured if facts.files else ()
    if isinstance(facts.code.code, UncapturedFact):
        yield facts.code.code
    if isinstance(facts.deep, UncapturedFact):
        yield facts.deep
    if facts.gpus.problem:
        yield UncapturedFact(what="gpus", reason=facts.gpus.problem)
    for text in observation.errors if observation else ():
        yield UncapturedFact(what="observation", reason=text)


def _accelerator(facts: Facts, observation: Observation | None) -> Accelerator:
    libraries = observation.libraries if observation else ()
    loaded = [library for library in libraries if library.family == "accelerator"]
    return describe_accelerator(facts.gpus, facts.environment.accelerator, facts.environment.packages, loaded)


def _build_spec(subject: Subject, facts: Facts, packages: PackageSet) -> BuildSpec:
    found, wishes = facts.environment, subject.project.settings.build
    remote = reachable_elsewhere(packages.config)
    tags = [tag for package in packages.packages for tag in package.installed.tags]
    return BuildSpec(
        base_image=wishes.base_image or choose_base_image(found.interpreter, found.platform, tags),
        apt=tuple(sorted(set(wishes.apt))),
        index_url=without_credentials(remote.index_url) if remote.index_url else None,
        extra_index_urls=tuple(without_credentials(url) for url in remote.extra_index_urls),
    )
