"""pyproject.toml and uv.lock: what a project requires, with the extras and groups that the caller chose."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.dependency_groups import DependencyGroupResolver
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.host.index.config import uv_settings
from envsnap.host.index.uv import ResolutionRequest
from envsnap.lock.specification.parsed import Line, Requirements, UvProject
from envsnap.lock.specification.specification_file import SourceFile, convert_document, read_source
from envsnap.manifest.package import normalise_name
from envsnap.manifest.toml import parse_toml

PYPROJECT = "pyproject.toml"


class _ProjectTable(msgspec.Struct, frozen=True, rename="kebab"):
    """``[project]``: https://packaging.python.org/en/latest/specifications/pyproject-toml/."""

    name: str = ""
    version: str = ""
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    optional_dependencies: dict[str, tuple[str, ...]] = {}
    dynamic: tuple[str, ...] = ()


class _Tool(msgspec.Struct, frozen=True):
    uv: dict[str, Any] = {}


class _Pyproject(msgspec.Struct, frozen=True, rename="kebab"):
    project: _ProjectTable | None = None
    dependency_groups: dict[str, tuple[str | dict[str, str], ...]] = {}
    tool: _Tool = _Tool()


def read_pyproject(
    source: SourceFile, env: Mapping[str, str], *, extras: Sequence[str], groups: Sequence[str], python: str
) -> Requirements:
    """Read what a project requires; uv reads the file once more, with its own sources and settings.

    Args:
        source: pyproject.toml.
        env: holds the logins of named indexes.
        extras: of the project to ask for.
        groups: of its dependency groups to ask for.
        python: the captured interpreter's version.

    Raises:
        InvalidFileError: not TOML, or not what the standard describes; names the key.
        UsageError: there is no such extra or group.
        CaptureError: the project is not for this Python, or only building it would tell what it requires.
    """
    document = convert_document(parse_toml(source.text, source=source.name), _Pyproject, source.name)
    project = document.project or _ProjectTable()
    if document.project is None and not groups:
        raise InvalidFileError(
            f"{source.name}: there is no [project] table, so nothing says what the project requires; "
            "name a dependency group with --group, or another file with --from"
        )
    _check(project, python, source.name, extras)
    lines = tuple(_lines(document, source.name, extras, groups))
    if document.project is not None:
        _check_named(document.project, source.name)
    settings, files = _uv_tables(source, document)
    return Requirements(
        files=files,
        lines=lines,
        indexes=uv_settings(settings, env, explicit=False),
        assigned=_assigned_indexes(settings, env),
        request=ResolutionRequest(
            project=source.path if source.path.name == PYPROJECT else None,  # uv goes by the name
            extras=tuple(extras),
            groups=tuple(groups),
            groups_alone=document.project is None,
        ),
    )


def read_uv_lock(
    source: SourceFile, env: Mapping[str, str], *, extras: Sequence[str], groups: Sequence[str], python: str
) -> UvProject:
    """Read uv.lock and the pyproject.toml beside it; the arguments are those of :func:`read_pyproject`."""
    parse_toml(source.text, source=source.name)
    beside = source.path.parent / PYPROJECT
    if not beside.is_file():
        raise InvalidFileError(f"{source.name} says nothing without the {PYPROJECT} beside it: put it there")
    project = read_pyproject(read_source(beside), env, extras=extras, groups=groups, python=python)
    return UvProject(files=(source, *project.files), project=project)


def _check(project: _ProjectTable, python: str, name: str, extras: Sequence[str]) -> None:
    if "dependencies" in project.dynamic or (extras and "optional-dependencies" in project.dynamic):
        raise CaptureError(
            f"{name}: its dependencies are dynamic, and only building the project tells them; "
            "list them in a requirements.in, and name that file with --from"
        )
    try:
        fits = SpecifierSet(project.requires_python).contains(python, prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidFileError(f"{name}: project.requires-python: {error}") from error
    if not fits:
        raise CaptureError(
            f"{name}: the project is for Python {project.requires_python}, and the captured interpreter is {python}; "
            "name another one with --python"
        )


def _check_named(project: _ProjectTable, name: str) -> None:
    if not project.name:
        raise InvalidFileError(f"{name}: project.name is missing, and the standard requires it")
    if not project.version and "version" not in project.dynamic:
        raise InvalidFileError(f"{name}: project.version is missing: write it, or name it in project.dynamic")


def _lines(document: _Pyproject, name: str, extras: Sequence[str], groups: Sequence[str]) -> Iterator[Line]:
    project = document.project or _ProjectTable()
    for text in project.dependencies:
        yield _line(text, f"{name}: project.dependencies")
    yield from _extra_lines(project, name, [normalise_name(extra) for extra in extras])
    known = {normalise_name(group) for group in document.dependency_groups}
    for group in groups:
        if normalise_name(group) not in known:
            raise UsageError(f"--group {group}: {name} has no such dependency group; {_known(known)}")
    resolver = _resolver(document, name)
    for group in groups:
        try:
            requirements = resolver.resolve(group)
        except ExceptionGroup as error:
            reason = str(error.exceptions[0]).splitlines()[0]
            raise InvalidFileError(f"{name}: dependency-groups.{group}: {reason}") from error
        for requirement in requirements:
            yield Line(text=str(requirement), where=f"{name}: dependency-groups.{group}", requirement=requirement)


def _resolver(document: _Pyproject, name: str) -> DependencyGroupResolver:
    try:
        return DependencyGroupResolver(document.dependency_groups)
    except ExceptionGroup as error:
        raise InvalidFileError(f"{name}: dependency-groups: {error.exceptions[0]}") from error


def _extra_lines(project: _ProjectTable, name: str, extras: Sequence[str]) -> Iterator[Line]:
    """Give the lines of extras; one may name others, as ``project[other]``."""
    optional = {normalise_name(extra): texts for extra, texts in project.optional_dependencies.items()}
    queue, seen = list(extras), set(extras)
    for extra in queue:
        if extra not in optional:
            raise UsageError(f"--extra {extra}: {name} has no such extra; {_known(optional)}")
        for text in optional[extra]:
            line = _line(text, f"{name}: project.optional-dependencies.{extra}")
            if line.name != normalise_name(project.name):
                yield line
                continue
            more = [normalise_name(inner) for inner in (line.requirement.extras if line.requirement else ())]
            queue += [inner for inner in more if inner not in seen]
            seen.update(more)


def _known(names: Mapping[str, object] | set[str]) -> str:
    return f"it has {', '.join(sorted(names))}" if names else "it has none"


def _line(text: str, where: str) -> Line:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise InvalidFileError(f"{where}: {text!r} is no requirement: {str(error).splitlines()[0]}") from error
    return Line(text=text, where=where, requirement=requirement)


def _uv_tables(source: SourceFile, document: _Pyproject) -> tuple[Mapping[str, Any], tuple[SourceFile, ...]]:
    """Return uv's settings for the project, and the files read; uv.toml takes the place of the table [tool.uv].

    https://docs.astral.sh/uv/concepts/configuration-files/
    """
    beside = source.path.parent / "uv.toml"
    if not beside.is_file():
        return document.tool.uv, (source,)
    settings = read_source(beside)
    return parse_toml(settings.text, source=settings.name), (source, settings)


def _assigned_indexes(settings: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, ...]:
    for_all, every = uv_settings(settings, env, explicit=False), uv_settings(settings, env)
    known = {*for_all.extra_index_urls, for_all.index_url}
    return tuple(url for url in (*every.extra_index_urls, every.index_url) if url and url not in known)
