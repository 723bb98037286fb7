"""What a specification says once it is read, and before an index is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.markers import Environment
from packaging.pylock import Pylock
from packaging.requirements import Requirement

from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import ResolutionRequest
from envsnap.lock.specification.specification_file import SourceFile
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import normalise_name

Hashes = frozenset[str]
"""``sha256:...``, as several tools spell a hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One requirement.

    Args:
        text: as uv shall read it; a path in it is absolute.
        where: file and line, for messages.
        requirement: None for a source tree or an archive without a name before it.
        hashes: the only ones that are allowed; none: any.
        is_constraint: whether it only narrows what another one asks for.
        is_asked: whether a user asked for it, and not a tool that wrote down all that is needed.
    """

    text: str
    where: str
    requirement: Requirement | None = None
    hashes: Hashes = frozenset()
    is_constraint: bool = False
    is_asked: bool = True

    @property
    def name(self) -> str:
        """The normalised project name; "" where it has none."""
        return normalise_name(self.requirement.name) if self.requirement else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """Requirements that uv resolves.

    Args:
        files: those that were read, the specification first.
        lines: requirements and constraints; of a project that uv reads itself they only tell what it names directly.
        indexes: what the files say of indexes; credentials included, so never print one.
        assigned: indexes that serve only what a project assigns to them; uv reads these assignments itself.
        hash_mode: whether every package must have a hash that the files name.
        request: what uv is asked beside the lines.
    """

    files: tuple[SourceFile, ...]
    lines: tuple[Line, ...]
    indexes: IndexConfig = field(default_factory=IndexConfig)
    assigned: tuple[str, ...] = ()
    hash_mode: bool = False
    request: ResolutionRequest = field(default_factory=ResolutionRequest)

    def index_config(self, machine: IndexConfig) -> IndexConfig:
        """Lay what the files say of indexes over what the machine is configured with."""
        config = self.indexes.over(machine)
        return replace(config, index_url=None, extra_index_urls=()) if self.indexes.no_index else config


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedFiles:
    """A lock of PEP 751, or one that was turned into it: the artefacts are known.

    Args:
        files: those that were read, the specification first.
        pylock: the lock.
        folder: that relative paths in it start from.
        requested: what a user asked for, by normalised name; None: the file does not tell, and all count.
        extras: to select.
        groups: to select; None: the lock's default ones.
    """

    files: tuple[SourceFile, ...]
    pylock: Pylock
    folder: Path
    requested: frozenset[str] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UvProject:
    """A uv.lock and the project beside it, which uv alone reads together; ``files`` begin with the lock."""

    files: tuple[SourceFile, ...]
    project: Requirements


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaSpecification:
    """What environment.yml asks for; ``pip`` is its pip section.

    Args:
        files: those that were read, the specification first.
        specs: conda's match specifications.
        channels: in order of priority.
        pip: None where there is no pip section.
        variables: names of the environment variables that it sets.
    """

    files: tuple[SourceFile, ...]
    specs: tuple[str, ...]
    channels: tuple[str, ...]
    pip: Requirements | None = None
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaLockfile:
    """The records of a conda-lock.yml for one platform, and its pip packages as a lock."""

    files: tuple[SourceFile, ...]
    packages: tuple[CondaPackage, ...]
    pip: LockedFiles | None = None


ParsedSpecification = Requirements | LockedFiles | UvProject | CondaSpecification | CondaLockfile


def applying(lines: Iterable[Line], environment: Environment) -> tuple[Line, ...]:
    """Return the lines whose markers hold."""
    marked = ((line, line.requirement.marker if line.requirement else None) for line in lines)
    return tuple(line for line, marker in marked if marker is None or marker.evaluate(dict(environment)))  # type: ignore[arg-type]


def allowed_hashes(lines: Iterable[Line]) -> Mapping[str, Hashes]:
    """Gather the hashes that are allowed, by normalised name; a name of which no line names hashes is not in it.

    Where a requirement and a constraint both name some, only those of both are allowed, as pip has it:
    https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode.
    """
    found: dict[str, Hashes] = {}
    for line in lines:
        if line.hashes and line.name:
            found[line.name] = found.get(line.name, line.hashes) & line.hashes
    return found


def direct_names(lines: Iterable[Line]) -> frozenset[str]:
    """Name what a user asked for in the lines."""
    return frozenset(line.name for line in lines if line.name and line.is_asked and not line.is_constraint)
