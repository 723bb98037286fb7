"""freeze --from: the environment's interpreter and platform with the packages of a specification, not its own."""

from dataclasses import replace
from pathlib import Path

from envsnap.capture.environment import CapturedEnvironment
from envsnap.capture.hardware import this_machine
from envsnap.host.files import work_folder
from envsnap.host.index.conda_solver import CondaRecord, solve
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import find_uv
from envsnap.lock.indexes import Indexes
from envsnap.lock.resolver import target_python
from envsnap.lock.specification.conda import subdir_of, virtual_packages
from envsnap.lock.specification.parsed import CondaSpecification, ParsedSpecification
from envsnap.lock.specification.read import read_specification
from envsnap.lock.specification.resolution import (
    ResolvedSpecification,
    SpecificationTools,
    resolve_specification,
)
from envsnap.lock.specification.specification_file import SpecificationRequest
from envsnap.lock.specification.target import Target
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.specification import Specification, SpecificationFormat
from envsnap.workflow.capture import Facts
from envsnap.workflow.lock_packages import PackageSet, index_config
from envsnap.workflow.progress import Progress
from envsnap.workflow.subject import Subject


def lock_specification(
    wished: SpecificationRequest, subject: Subject, facts: Facts, progress: Progress
) -> tuple[Facts, PackageSet]:
    """Put the packages that a specification names in the place of the installed ones.

    It is resolved for the interpreter and the platform that were captured.

    Raises:
        EnvsnapError: see the stages.
    """
    found = facts.environment
    progress.stage(f"reading {wished.path.name}")
    wanted, kind = read_specification(wished, subject.request.env, found.interpreter, found.platform)
    progress.stage(f"resolving {wished.path.name} for Python {found.interpreter.version}")
    resolved = resolve_specification(wanted, _tools(subject, facts), _target(subject, facts))
    for package in resolved.packages:
        if package.wheel is None:
            progress.warn(f"{package.name} {package.installed_version} cannot be rebuilt: {package.installed.reason}")
    packages = PackageSet(
        packages=resolved.packages,
        findings=resolved.findings,
        config=resolved.config,
        specification=describe_specification(wanted, kind, wished, subject.project.folder),
    )
    return replace(facts, environment=_without_installed(found, resolved)), packages


def describe_specification(
    wanted: ParsedSpecification, kind: SpecificationFormat, wished: SpecificationRequest, project: Path
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


def _without_installed(found: CapturedEnvironment, resolved: ResolvedSpecification) -> CapturedEnvironment:
    """Leave out what is installed beside the interpreter: the lock speaks of what the specification names."""
    return replace(
        found,
        interpreter=resolved.interpreter,
        packages=(),
        conda=resolved.conda,
        findings=(),
        system_state=(),
        accelerator=Accelerator(toolkit=found.accelerator.toolkit),
        not_captured=(*found.not_captured, *resolved.not_captured),
    )


def _target(subject: Subject, facts: Facts) -> Target:
    found = facts.environment
    python = subject.interpreter or target_python(found.interpreter, found.platform)
    return Target(python=python, interpreter=found.interpreter, platform=found.platform)


def _tools(subject: Subject, facts: Facts) -> SpecificationTools:
    found, work = facts.environment, work_folder(subject.project.folder)
    machine, python = found.machine or this_machine(), _target(subject, facts).python

    def ask_conda(wanted: CondaSpecification) -> tuple[CondaRecord, ...]:
        virtual = virtual_packages(found.platform, machine.isa, facts.gpus.driver_cuda, subject.request.env)
        return solve(wanted.specs, wanted.channels, subdir=subdir_of(found.platform), virtual=virtual)

    def reach_indexes(config: IndexConfig) -> Indexes:
        return Indexes(config, lambda: find_uv(config).index_urls(python, work))

    return SpecificationTools(
        machine=index_config(subject, facts),
        project=subject.project.folder,
        uv=find_uv,
        indexes=None if subject.request.offline else reach_indexes,
        conda=ask_conda,
    )
