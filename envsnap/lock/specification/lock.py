"""What a specification says -> packages with exact artefacts, for one interpreter and platform."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, assert_never

from envsnap.errors import CaptureError, UnsolvableError, UsageError
from envsnap.host.index.conda_solver import CondaRecord
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Question, Resolution, TargetPython
from envsnap.lock.artefact_sources import Remote
from envsnap.lock.resolve import target_python
from envsnap.lock.sources import WheelBuilder
from envsnap.lock.specification.artefacts import Store, lock_choices
from envsnap.lock.specification.conda import brought_python, conda_package, python_constraints
from envsnap.lock.specification.pylock import Choice, choose, parse_pylock
from envsnap.lock.specification.served import ask_indexes
from envsnap.lock.specification.target import Target, describe_target
from envsnap.lock.specification.wanted import (
    CondaLocked,
    CondaSpecification,
    Indexes,
    Line,
    LockedFiles,
    Requirements,
    UvProject,
    Wanted,
    allowed_hashes,
    applying,
    direct_names,
)
from envsnap.manifest.finding import Finding, NotCaptured
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import Package

OFFLINE = "{name} has to be resolved, which asks indexes: leave --offline out, or name a lockfile with --from"
NEEDS_PYTHON = "{name}: the pip section needs a Python: name python among the dependencies"


class Resolver(WheelBuilder, Protocol):
    """uv."""

    def resolve(self, question: Question, *, python: Path | TargetPython, folder: Path) -> Resolution:
        """Resolve requirements."""

    def export(
        self, project: Path, *, extras: Sequence[str], groups: Sequence[str], python: Path | TargetPython
    ) -> str:
        """Return a project's uv.lock as a pylock.toml."""


SolveConda = Callable[[CondaSpecification], tuple[CondaRecord, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What resolving stands on.

    Args:
        project: folder of the lock.
        wheels: folder for wheels that no index serves.
        machine: the indexes that this machine is configured with.
        resolver: makes uv for indexes.
        remote: makes what reads indexes' pages and the wheels there; None offline.
        conda: asks conda's channels.
        python: the captured interpreter, or what stands for one that is not on this machine.
        interpreter: what the probe found of it.
        platform: under it.
    """

    project: Path
    wheels: Path
    machine: IndexConfig
    resolver: Callable[[IndexConfig], Resolver]
    remote: Callable[[IndexConfig], Remote] | None
    conda: SolveConda
    python: Path | TargetPython
    interpreter: Interpreter
    platform: Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
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
    not_captured: tuple[NotCaptured, ...] = ()


def resolve_specification(wanted: Wanted, means: Means) -> Resolved:
    """Resolve what is not locked yet, choose the artefacts that fit, and read what they hold.

    Raises:
        UsageError: indexes would have to be asked, and may not be.
        CaptureError: there is no solution, or no artefact that fits; an index or channel does not answer.
    """
    match wanted:
        case Requirements() | LockedFiles() | UvProject():
            return _python(wanted, means, means.interpreter, means.python)
        case CondaLocked():
            return _conda(wanted.packages, wanted.pip, wanted, means)
        case CondaSpecification():
            if means.remote is None:
                raise UsageError(OFFLINE.format(name=wanted.files[0].name))
            records = _solve(wanted, means)
            packages = tuple(map(conda_package, records))
            resolved = _conda(packages, wanted.pip, wanted, means, python_constraints(records))
            if not wanted.variables:
                return resolved
            reason = f"{', '.join(wanted.variables)}: name them in job.env, a rebuilt environment does not set them"
            unset = NotCaptured(what=f"variables of {wanted.files[0].path.name}", reason=reason)
            return replace(resolved, not_captured=(*resolved.not_captured, unset))
        case _:
            assert_never(wanted)


def _solve(wanted: CondaSpecification, means: Means) -> tuple[CondaRecord, ...]:
    try:
        return means.conda(wanted)
    except UnsolvableError as error:
        raise UnsolvableError(f"{wanted.files[0].name} cannot be solved: {error}") from error


def _conda(
    packages: tuple[CondaPackage, ...],
    pip: Requirements | LockedFiles | None,
    wanted: CondaLocked | CondaSpecification,
    means: Means,
    there: Mapping[str, str] | None = None,
) -> Resolved:
    """Put conda's records together with what pip adds, for the Python that conda brings."""
    brought = brought_python(packages, means.interpreter, means.platform)
    interpreter = brought or means.interpreter
    unknown: tuple[NotCaptured, ...] = ()
    if brought is not None and brought is not means.interpreter:
        reason = f"conda brings Python {brought.version}, which was not run: of it only the record is known"
        unknown = (NotCaptured(what="interpreter", reason=reason),)
    if pip is None:
        resolved = Resolved(packages=(), interpreter=interpreter, config=means.machine)
    elif brought is None:
        raise CaptureError(NEEDS_PYTHON.format(name=wanted.files[0].name))
    else:
        resolved = _python(pip, means, interpreter, target_python(interpreter, means.platform), there)
    return replace(resolved, conda=packages, not_captured=unknown)


def _python(
    wanted: Requirements | LockedFiles | UvProject,
    means: Means,
    interpreter: Interpreter,
    python: Path | TargetPython,
    there: Mapping[str, str] | None = None,
) -> Resolved:
    target = describe_target(python, interpreter, means.platform)
    config = wanted.indexes.over(means.machine, with_named=True)
    remote = means.remote(config) if means.remote else None
    store = Store(
        project=means.project,
        wheels=means.wheels,
        location=target.location,
        records=remote.records if remote else None,
        builder=means.resolver(config) if remote else None,
    )
    choices = [_with_index(choice, config) for choice in _choose(wanted, target, means, there or {})]
    packages = lock_choices(choices, store)
    locked = ask_indexes(packages, remote.indexes if remote else None)
    return Resolved(packages=locked.packages, findings=locked.findings, interpreter=interpreter, config=config)


def _with_index(choice: Choice, config: IndexConfig) -> Choice:
    """Name the index that serves a wheel where only one can: uv's answer does not tell it."""
    served = choice.wheel is not None and choice.wheel.path is None and not choice.is_direct
    others = config.extra_index_urls or [place for place in config.find_links if "://" in place]
    if not served or choice.index or others or config.no_index:
        return choice
    return replace(choice, index=config.index_url)


def _choose(
    wanted: Requirements | LockedFiles | UvProject, target: Target, means: Means, there: Mapping[str, str]
) -> tuple[Choice, ...]:
    match wanted:
        case LockedFiles():
            return choose(wanted, target)
        case UvProject():
            return _export(wanted, target, means)
        case Requirements():
            if means.remote is None:
                raise UsageError(OFFLINE.format(name=wanted.files[0].name))
            return _resolve(wanted, target, means, there)
        case _:
            assert_never(wanted)


def _export(wanted: UvProject, target: Target, means: Means) -> tuple[Choice, ...]:
    """Let uv read its own lock, and see that the lock is not older than the project."""
    name = wanted.files[0].name
    uv = means.resolver(wanted.indexes.over(means.machine, with_named=False))
    try:
        text = uv.export(wanted.folder, extras=wanted.extras, groups=wanted.groups, python=target.python)
    except CaptureError as error:
        raise type(error)(f"{name} cannot be read by uv: {error}") from error
    lines = applying(wanted.lines, target.environment)
    found = choose(_as_lock(text, wanted, wanted.folder, direct_names(lines)), target)
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


def _resolve(wanted: Requirements, target: Target, means: Means, there: Mapping[str, str]) -> tuple[Choice, ...]:
    """Let uv resolve, in one call, and hold its answer against the hashes that the files allow."""
    lines = applying(wanted.lines, target.environment)
    question = Question(
        lines=tuple(line.text for line in lines if not line.is_constraint),
        constraints=(
            *(line.text for line in lines if line.is_constraint),
            *(f"{name}=={version}" for name, version in there.items()),
        ),
        project=wanted.project,
        extras=wanted.extras,
        groups=wanted.groups,
        groups_alone=wanted.groups_alone,
        pinned=wanted.pinned,
        prereleases=wanted.prereleases,
        there=tuple(there),
    )
    uv = means.resolver(wanted.indexes.over(means.machine, with_named=False))
    with tempfile.TemporaryDirectory(dir=means.wheels.parent, prefix="lock-") as folder:
        try:
            answer = uv.resolve(question, python=target.python, folder=Path(folder))
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
        indexes=Indexes(),
    )


def _check_hash_mode(found: Sequence[Choice], allowed: Mapping[str, frozenset[str]], name: str) -> None:
    """https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode."""
    without = [f"{choice.name} {choice.version or ''}".strip() for choice in found if choice.name not in allowed]
    if without:
        raise CaptureError(
            f"{name} names hashes, so every package needs one, and these have none: {', '.join(sorted(without))}; "
            "write the file anew with all that is needed, for example with 'uv pip compile --generate-hashes'"
        )
