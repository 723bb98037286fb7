"""freeze --from: the environment's interpreter and platform with the packages of a specification, not its own."""

from pathlib import Path

from msgspec.structs import replace

from envsnap.capture.accelerator import ProbedAccelerator
from envsnap.capture.environment import CapturedEnvironment
from envsnap.capture.hardware import this_machine
from envsnap.host.files import work_folder
from envsnap.host.index.conda_solver import CondaRecord, solve
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import find_uv
from envsnap.lock.artefact_sources import Remote, reach
from envsnap.lock.resolve import target_python
from envsnap.lock.specification.conda import subdir_of, virtual_packages
from envsnap.lock.specification.lock import Means, Resolved, resolve_specification
from envsnap.lock.specification.read import read_specification
from envsnap.lock.specification.request import SpecificationRequest
from envsnap.lock.specification.wanted import CondaSpecification, Wanted
from envsnap.manifest.specification import Specification, SpecificationFormat
from envsnap.workflow.capture import Captured
from envsnap.workflow.progress import Progress


def with_specification(captured: Captured, wished: SpecificationRequest, progress: Progress) -> Captured:
    """Put the packages that a specification names in the place of the installed ones.

    It is resolved for the interpreter and the platform that were captured.

    Raises:
        EnvsnapError: see the stages.
    """
    subject, found = captured.subject, captured.found
    progress.stage(f"reading {wished.path.name}")
    wanted, kind = read_specification(wished, subject.request.env, found.interpreter, found.platform)
    progress.stage(f"resolving {wished.path.name} for Python {found.interpreter.version}")
    resolved = resolve_specification(wanted, _means(captured))
    for package in resolved.packages:
        if package.wheel is None:
            progress.warn(f"{package.name} {package.installed_version} cannot be rebuilt: {package.installed.reason}")
    return replace(
        captured,
        found=_without_installed(found, resolved),
        config=resolved.config,
        packages=resolved.packages,
        locking=resolved.findings,
        specification=describe_specification(wanted, kind, wished, subject.project.folder),
    )


def describe_specification(
    wanted: Wanted, kind: SpecificationFormat, wished: SpecificationRequest, project: Path
) -> Specification:
    """Say for the manifest which files were read, and what was asked of them."""
    first, *others = (file.described(project) for file in wanted.files)
    return Specification(
        path=first.path,
        format=kind,
        sha256=first.sha256,
        included=tuple(others),
        extras=wished.extras,
        groups=wished.groups,
    )


def _without_installed(found: CapturedEnvironment, resolved: Resolved) -> CapturedEnvironment:
    """Leave out what is installed beside the interpreter: the lock speaks of what the specification names."""
    return replace(
        found,
        interpreter=resolved.interpreter,
        packages=(),
        conda=resolved.conda,
        findings=(),
        system_state=(),
        accelerator=ProbedAccelerator(toolkit=found.accelerator.toolkit),
        not_captured=(*found.not_captured, *resolved.not_captured),
    )


def _means(captured: Captured) -> Means:
    subject, found = captured.subject, captured.found
    local = Path(subject.environment.python) if subject.is_local else None
    python, work = local or target_python(found.interpreter, found.platform), work_folder(subject.project.folder)
    machine = found.machine or this_machine()

    def ask(wanted: CondaSpecification) -> tuple[CondaRecord, ...]:
        virtual = virtual_packages(found.platform, machine.isa, captured.gpus.driver_cuda, subject.request.env)
        return solve(wanted.specs, wanted.channels, subdir=subdir_of(found.platform), virtual=virtual)

    def reach_indexes(config: IndexConfig) -> Remote:
        return reach(find_uv(config), python, work)

    return Means(
        project=subject.project.folder,
        wheels=work / "wheels",
        machine=captured.config,
        resolver=find_uv,
        remote=None if subject.request.offline else reach_indexes,
        conda=ask,
        python=python,
        interpreter=found.interpreter,
        platform=found.platform,
    )
