"""What a project declares that it needs, held against what a lock has: no index is asked, and nothing is resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envsnap.errors import InvalidFileError
from envsnap.lock.specification.parsed import Line, applying
from envsnap.lock.specification.requirements import read_requirements
from envsnap.lock.specification.specification_file import SourceFile, convert_document, read_source
from envsnap.lock.specification.target import Target
from envsnap.manifest.manifest import Contents
from envsnap.manifest.package import normalise_name
from envsnap.manifest.toml import parse_toml

PYPROJECT, REQUIREMENTS = "pyproject.toml", "requirements.txt"


class _DeclaredTable(msgspec.Struct, frozen=True, rename="kebab"):
    dependencies: tuple[str, ...] = ()
    requires_python: str = ""


class _Declaring(msgspec.Struct, frozen=True):
    project: _DeclaredTable = _DeclaredTable()


@dataclass(frozen=True, slots=True)
class Declared:
    """What the files of a project say: their requirements, and the Python that it is for ("": any)."""

    files: tuple[str, ...]
    lines: tuple[Line, ...]
    python: str = ""


def read_declared(folder: Path, env: Mapping[str, str]) -> Declared:
    """Read pyproject.toml and requirements.txt of a project, where they are there.

    Raises:
        InvalidFileError: one is not valid; names the file, and the line or key.
    """
    sources = [read_source(folder / name, name) for name in (PYPROJECT, REQUIREMENTS) if (folder / name).is_file()]
    lines: list[Line] = []
    python = ""
    for source in sources:
        if source.name == REQUIREMENTS:
            lines += read_requirements(source, env).lines
        else:
            project = convert_document(parse_toml(source.text, source=source.name), _Declaring, source.name).project
            python = project.requires_python
            lines += [_line(text, source) for text in project.dependencies]
    return Declared(tuple(source.name for source in sources), tuple(lines), python)


def _line(text: str, source: SourceFile) -> Line:
    try:
        return Line(text=text, where=source.name, requirement=Requirement(text))
    except InvalidRequirement as error:
        raise InvalidFileError(f"{source.name}: project.dependencies: {text!r} is no requirement: {error}") from error


def find_unsatisfied(declared: Declared, contents: Contents) -> Iterator[str]:
    """Name each requirement that the locked packages do not meet; extras are not looked into.

    Raises:
        InvalidFileError: ``requires-python`` is no version specifier.
    """
    version = contents.interpreter.version
    if declared.python and not _specifier(declared.python).contains(version, prereleases=True):
        yield f"{PYPROJECT} is for Python {declared.python}, and the lock has {version}"
    versions = {package.name: package.installed_version for package in contents.packages}
    conda = {normalise_name(package.name) for package in (contents.conda.packages if contents.conda else ())}
    for line, wanted in applying_requirements(declared, contents):
        found = versions.get(line.name)
        if found is None and line.name not in conda and not line.is_constraint:
            yield f"{line.where} asks for {wanted}, and the lock has no {line.name}"
        elif found is not None and not wanted.specifier.contains(found, prereleases=True):
            yield f"{line.where} asks for {wanted}, and the lock has {line.name} {found}"


def applying_requirements(declared: Declared, contents: Contents) -> tuple[tuple[Line, Requirement], ...]:
    """Return the lines that apply to the locked interpreter; not those that name a folder or an archive alone."""
    target = Target(python=Path(), interpreter=contents.interpreter, platform=contents.platform)
    lines = applying(declared.lines, target.environment)
    return tuple((line, line.requirement) for line in lines if line.requirement is not None)


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise InvalidFileError(f"{PYPROJECT}: project.requires-python: {error}") from error
