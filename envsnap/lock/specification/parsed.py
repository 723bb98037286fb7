"""What a specification says once it is read, and before an index is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Environment
from packaging.pylock import Pylock
from packaging.requirements import Requirement

from envsnap.host.index.config import IndexConfig
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

    def applies(self, environment: Environment) -> bool:
        """Whether its marker holds."""
        marker = self.requirement.marker if self.requirement else None
        return marker is None or marker.evaluate(dict(environment))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexSettings:
    """What a file says of where packages are served; credentials included, so never print one.

    Args:
        index_url: takes the place of the machine's default.
        extra: asked beside those of the machine.
        named: serve only what the file assigns to them; uv reads these assignments itself.
        find_links: folders and pages with wheels.
        trusted_hosts: hosts whose certificate is not checked.
        no_index: whether only ``find_links`` serve.
    """

    index_url: str | None = None
    extra: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False

    def over(self, machine: IndexConfig, *, with_named: bool) -> IndexConfig:
        """Lay what the file says over what the machine is configured with.

        Args:
            machine: what pip and uv are configured with.
            with_named: whether to add the indexes that serve single packages: to read from them, not to resolve.
        """
        extra = () if self.no_index else (*self.extra, *machine.extra_index_urls)
        return IndexConfig(
            index_url=None if self.no_index else self.index_url or machine.index_url,
            extra_index_urls=tuple(dict.fromkeys((*extra, *(self.named if with_named else ())))),
            find_links=tuple(dict.fromkeys((*self.find_links, *machine.find_links))),
            certificates=machine.certificates,
            trusted_hosts=tuple(dict.fromkeys((*self.trusted_hosts, *machine.trusted_hosts))),
            no_index=self.no_index or machine.no_index,
            timeout=machine.timeout,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """Requirements that uv resolves.

    Args:
        files: those that were read, the specification first.
        lines: requirements and constraints.
        indexes: what the files say of indexes.
        project: a pyproject.toml that uv reads itself, with its sources, extras and groups; then ``lines`` only tell
            what it names directly.
        extras: of the project.
        groups: of the project.
        groups_alone: whether the project is no package, and nothing but its groups counts.
        hash_mode: whether every package must have a hash that the files name.
        pinned: whether the lines are all there is: nothing that they depend on is added.
        prereleases: whether pre-releases are welcome.
    """

    files: tuple[SourceFile, ...]
    lines: tuple[Line, ...]
    indexes: IndexSettings = IndexSettings()
    project: Path | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    groups_alone: bool = False
    hash_mode: bool = False
    pinned: bool = False
    prereleases: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedFiles:
    """A lock of PEP 751, or one that was turned into it: the artefacts are known.

    Args:
        files: those that were read, the specification first.
        pylock: the lock.
        folder: that relative paths in it start from.
        requested: what a user asked for, by normalised name; None: the file does not tell, and all count.
        indexes: what the files say of indexes.
        extras: to select.
        groups: to select; None: the lock's default ones.
    """

    files: tuple[SourceFile, ...]
    pylock: Pylock
    folder: Path
    requested: frozenset[str] | None = None
    indexes: IndexSettings = IndexSettings()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UvProject:
    """A uv.lock and the project beside it, which uv alone reads together.

    Args:
        files: those that were read, the lock first.
        folder: of the project.
        lines: what the project names directly.
        indexes: what the project says of indexes.
        extras: to select.
        groups: to select.
    """

    files: tuple[SourceFile, ...]
    folder: Path
    lines: tuple[Line, ...]
    indexes: IndexSettings = IndexSettings()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


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
    return tuple(line for line in lines if line.applies(environment))


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
