"""What a specification says -> packages with exact artefacts, for one interpreter and platform."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from envsnap.errors import CaptureError, UnsolvableError, UsageError
from envsnap.host.index.conda_solver import CondaRecord
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Uv
from envsnap.lock.indexes import Indexes
from envsnap.lock.resolver import target_python
from envsnap.lock.specification.choices import lock_choices, pin_indexes
from envsnap.lock.specification.conda import brought_python, conda_package, python_constraints
from envsnap.lock.specification.parsed import (
    CondaLockfile,
    CondaSpecification,
    Line,
    LockedFiles,
    ParsedSpecification,
    Requirements,
    UvProject,
    allowed_hashes,
    applying,
    direct_names,
)
from envsnap.lock.specification.pylock import Choice, choose, parse_pylock
from envsnap.lock.specification.target import Target
from envsnap.lock.wheels import WheelFolder
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.interpreter import Interpreter
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import Package

OFFLINE = "{name} has to be resolved, which asks indexes: leave --offline out, or name a lockfile with --from"
NEEDS_PYTHON = "{name}: the pip section needs a Python: name python among the dependencies"

SolveConda = Callable[[CondaSpecification], tuple[CondaRecord, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecificationTools:
    """What resolving asks.

    Args:
        machine: the indexes that this machine is configured with.
        project: folder of the lock.
        uv: makes uv for indexes.
        indexes: makes what reads indexes' pages and the wheels there; None offline.
        conda: asks conda's channels.
    """

    machine: IndexConfig
    project: Path
    uv: Callable[[IndexConfig], Uv]
    indexes: Callable[[IndexConfig], Indexes] | None
    conda: SolveConda


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedSpecification:
    """What a specification came to.

    Args:
        packages: Python's, in order of name.
        conda: conda's, in order of name.
        interpreter: the captured one, or the one that conda brings.
        config: the indexes that were asked, credentials included.
        findings: what looks wrong about where packages come from.
        not_captured: what the lock cannot say.
    """

    packages: tuple[Package, ...]
    interpreter: Interpreter
    config: IndexConfig
    conda: tuple[CondaPackage, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_captured: tuple[UncapturedFact, ...] = ()


def resolve_specification(
    wanted: ParsedSpecification, tools: SpecificationTools, target: Target
) -> ResolvedSpecification:
    """Resolve what is not locked yet, choose the artefacts that fit, and read what they hold.

    Raises:
        UsageError: indexes would have to be asked, and may not be.
        CaptureError: there is no solution, or no artefact that fits; an index or channel does not answer.
    """
    match wanted:
        case Requirements() | LockedFiles() | UvProject():
            return _python(wanted, tools, target)
        case CondaLockfile():
            return _conda(wanted.packages, wanted, tools, target)
        case CondaSpecification():
            if tools.indexes is None:
                raise UsageError(OFFLINE.format(name=wanted.files[0].name))
            records = _solve(wanted, tools)
            packages = tuple(map(conda_package, records))
            resolved = _conda(packages, wanted, tools, target, python_constraints(records))
            if not wanted.variables:
                return resolved
            reason = f"{', '.join(wanted.variables)}: name them in job.env, a rebuilt environment does not set them"
            unset = UncapturedFact(what=f"variables of {wanted.files[0].path.name}", reason=reason)
            return replace(resolved, not_captured=(*resolved.not_captured, unset))
        case _:
            assert_never(wanted)


def _solve(wanted: CondaSpecification, tools: SpecificationTools) -> tuple[CondaRecord, ...]:
    try:
        return tools.conda(wanted)
    except UnsolvableError as error:
        raise UnsolvableError(f"{wanted.files[0].name} cannot be solved: {error}") from error


def _conda(
    packages: tuple[CondaPackage, ...],
    wanted: CondaLockfile | CondaSpecification,
    tools: SpecificationTools,
    target: Target,
    there: Mapping[str, str] | None = None,
) -> ResolvedSpecification:
    """Put conda's records together with what pip adds, for the Python that conda brings."""
    brought = brought_python(packages, target.interpreter, target.platform)
    interpreter = brought or target.interpreter
    unknown: tuple[UncapturedFact, ...] = ()
    if brought is not None and brought is not target.interpreter:
        reason = f"conda brings Python {brought.version}, which was not run: of it only the record is known"
        unknown = (UncapturedFact(what="interpreter", reason=reason),)
    if wanted.pip is None:
        resolved = ResolvedSpecification(packages=(), interpreter=interpreter, config=tools.machine)
    elif brought is None:
        raise CaptureError(NEEDS_PYTHON.format(name=wanted.files[0].name))
    else:
        python = target_python(interpreter, target.platform)
        resolved = _python(wanted.pip, tools, replace(target, python=python, interpreter=interpreter), there)
    return replace(resolved, conda=packages, not_captured=unknown)


def _python(
    wanted: Requirements | LockedFiles | UvProject,
    tools: SpecificationTools,
    target: Target,
    there: Mapping[str, str] | None = None,
) -> ResolvedSpecification:
    config = _config(wanted, tools.machine)
    indexes = tools.indexes(config) if tools.indexes else None
    wheels = WheelFolder(tools.project, tools.uv(config).build_wheel if indexes else None)
    choices = [_with_index(choice, config) for choice in _choose(wanted, target, tools, there or {})]
    packages = lock_choices(choices, wheels, indexes, location=target.location)
    locked = pin_indexes(packages, indexes)
    return ResolvedSpecification(
        packages=locked.packages, findings=locked.findings, interpreter=target.interpreter, config=config
    )


def _config(wanted: Requirements | LockedFiles | UvProject, machine: IndexConfig) -> IndexConfig:
    """Return the indexes to read from: those that serve single packages too, which uv is not told of."""
    match wanted:
        case LockedFiles():
            return machine
        case UvProject():
            return _config(wanted.project, machine)
        case Requirements():
            return wanted.index_config(machine).over(IndexConfig(extra_index_urls=wanted.assigned))
        case _:
            assert_never(wanted)


def _with_index(choice: Choice, config: IndexConfig) -> Choice:
    """Name the index that serves a wheel where only one can: uv's answer does not tell it."""
    served = choice.wheel is not None and choice.wheel.path is None and not choice.is_direct
    others = config.extra_index_urls or [place for place in config.find_links if "://" in place]
    if not served or choice.index or others or config.no_index:
        return choice
    return replace(choice, index=config.index_url)


def _choose(
    wanted: Requirements | LockedFiles | UvProject, target: Target, tools: SpecificationTools, there: Mapping[str, str]
) -> tuple[Choice, ...]:
    match wanted:
        case LockedFiles():
            return choose(wanted, target)
        case UvProject():
            return _export(wanted, target, tools)
        case Requirements():
            if tools.indexes is None:
                raise UsageError(OFFLINE.format(name=wanted.files[0].name))
            return _resolve(wanted, target, tools, there)
        case _:
            assert_never(wanted)


def _export(wanted: UvProject, target: Target, tools: SpecificationTools) -> tuple[Choice, ...]:
    """Let uv read its own lock, and see that the lock is not older than the project."""
    name = wanted.files[0].name
    folder, project = wanted.files[0].path.parent, wanted.project
    uv = tools.uv(project.index_config(tools.machine))
    try:
        text = uv.export(folder, extras=project.request.extras, groups=project.request.groups, python=target.python)
    except CaptureError as error:
        raise type(error)(f"{name} cannot be read by uv: {error}") from error
    lines = applying(project.lines, target.environment)
    found = choose(_as_lock(text, wanted, folder, direct_names(lines)), target)
    versions = {choice.name: choice.version for choice in found}
    stale = [line.text for line in lines if not _is_met(line, versions)]
    if stale:
        raise CaptureError(f"{name} is older than the project and does not hold {', '.join(stale)}: run 'uv lock'")
    return found


def _is_met(line: Line, versions: Mapping[str, str | None]) -> bool:
    if line.name not in versions or line.requirement is None:
        return line.requirement is None
    version = versions[line.name]
    return version is None or line.requirement.specifier.contains(version, prereleases=True)


def _resolve(
    wanted: Requirements, target: Target, tools: SpecificationTools, there: Mapping[str, str]
) -> tuple[Choice, ...]:
    """Let uv resolve, in one call, and hold its answer against the hashes that the files allow."""
    lines = applying(wanted.lines, target.environment)
    constraints = [line.text for line in lines if line.is_constraint]
    request = replace(
        wanted.request,
        lines=tuple(line.text for line in lines if not line.is_constraint),
        constraints=(*constraints, *(f"{name}=={version}" for name, version in there.items())),
        there=tuple(there),
    )
    uv = tools.uv(wanted.index_config(tools.machine))
    with tempfile.TemporaryDirectory(dir=tools.project / ".envsnap", prefix="lock-") as folder:
        try:
            answer = uv.resolve(request, python=target.python, folder=Path(folder))
        except CaptureError as error:
            raise type(error)(f"{wanted.files[0].name} cannot be resolved: {error}") from error
        allowed = allowed_hashes(lines)
        found = choose(_as_lock(answer.pylock, wanted, Path(folder), direct_names(lines)), target, allowed)
    if wanted.hash_mode:
        _check_hash_mode(found, allowed, wanted.files[0].name)
    return tuple(replace(choice, yanked=answer.yanked.get(choice.name)) for choice in found)


def _as_lock(text: str, wanted: Requirements | UvProject, folder: Path, requested: frozenset[str]) -> LockedFiles:
    """Take uv's answer for the lock that it is."""
    name = wanted.files[0].name
    return LockedFiles(
        files=wanted.files,
        pylock=parse_pylock(text, f"uv's answer to {name}"),
        folder=folder,
        requested=requested,
    )


def _check_hash_mode(found: Sequence[Choice], allowed: Mapping[str, frozenset[str]], name: str) -> None:
    """https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode."""
    without = [f"{choice.name} {choice.version or ''}".strip() for choice in found if choice.name not in allowed]
    if without:
        raise CaptureError(
            f"{name} names hashes, so every package needs one, and these have none: {', '.join(sorted(without))}; "
            "write the file anew with all that is needed, for example with 'uv pip compile --generate-hashes'"
        )
