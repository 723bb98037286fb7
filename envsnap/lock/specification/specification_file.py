"""The files of a specification: which one is asked for, its format by its name, and its text, read once and bounded."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from envsnap.errors import InvalidFileError, UsageError
from envsnap.host.files import relative_to, sha256_bytes
from envsnap.manifest.specification import SpecificationFile, SpecificationFormat

T = TypeVar("T")
LARGEST = 64 * 2**20
"""A conda-lock.yml of four platforms and 1,000 packages has 6 MiB."""

FORMATS: tuple[tuple[re.Pattern[str], SpecificationFormat], ...] = (
    (re.compile(r"pylock(\.[^.]+)?\.toml"), "pylock"),
    (re.compile(r"pyproject\.toml"), "pyproject"),
    (re.compile(r"uv\.lock"), "uv-lock"),
    (re.compile(r"Pipfile\.lock"), "pipfile-lock"),
    (re.compile(r"(.+[.-])?conda-lock\.ya?ml"), "conda-lock"),
    (re.compile(r".*environment.*\.ya?ml"), "environment-yml"),
    (re.compile(r".+\.(in|txt)"), "requirements"),
)
"""By file name; the first that fits counts. ``NAME`` in ``pylock.NAME.toml`` has no dot (PEP 751)."""
UNREADABLE_INSTEAD = {
    "Pipfile": "run 'pipenv lock', and name the Pipfile.lock that it writes",
    "poetry.lock": "write it as requirements with 'poetry export --with-hashes', and name that file",
    "pdm.lock": "write it as pylock.toml with 'pdm export -f pylock', and name that file",
    "pixi.lock": "write it as environment.yml with 'pixi workspace export conda-environment', and name that file",
    "setup.py": "list what it requires in a requirements.in, and name that file",
    "setup.cfg": "list what it requires in a requirements.in, and name that file",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecificationRequest:
    """Which file to read, and what of it.

    Args:
        path: the file.
        format: how to read it; None: its name tells.
        extras: of a project.
        groups: of a project or a pylock.toml; the categories of Pipfile.lock and conda-lock.yml.
    """

    path: Path
    format: SpecificationFormat | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read; ``name`` is how messages call it."""

    path: Path
    name: str
    text: str
    sha256: str

    def described(self, project: Path) -> SpecificationFile:
        """Say for the manifest which file it is."""
        return SpecificationFile(path=relative_to(self.path, project.absolute()), sha256=self.sha256)


def detect_format(path: Path) -> SpecificationFormat:
    """Tell the format by the file's name.

    Raises:
        UsageError: the name tells none.
    """
    found = next((kind for pattern, kind in FORMATS if pattern.fullmatch(path.name)), None)
    if found is not None:
        return found
    instead = UNREADABLE_INSTEAD.get(path.name, "name its format with --from-format")
    raise UsageError(f"--from {path}: its name does not tell a format that envsnap reads; {instead}")


def read_source(path: Path, name: str | None = None) -> SourceFile:
    """Read a file; ``name`` is its path by default.

    Raises:
        UsageError: it is not there.
        InvalidFileError: it cannot be read as UTF-8 text, or is larger than anything that envsnap reads.
    """
    shown = name or str(path)
    if not path.is_file():
        raise UsageError(f"there is no file {shown}: name the specification that --from shall read")
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidFileError(f"{shown} is larger than {LARGEST >> 20} MiB: this is no file for envsnap")
        data = path.read_bytes()
        return SourceFile(path.absolute(), shown, data.decode("utf-8-sig"), sha256_bytes(data))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{shown} cannot be read: {error}") from error


def convert_document(data: object, kind: type[T], name: str) -> T:
    """Turn what a parser of TOML, JSON or YAML gave into ``kind``; keys that it does not have are none of our business.

    Raises:
        InvalidFileError: names the path in the file.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidFileError(f"{name}: {str(error).replace('`$.', '`')}") from error


def parse_yaml(source: SourceFile) -> object:
    """Read the one YAML document in a file.

    Raises:
        InvalidFileError: not YAML; names the line. Aliases, which can blow a small file up to gigabytes, are refused.
    """
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster on a conda-lock.yml
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source.text, Loader=loader_class)):
            raise InvalidFileError(f"{source.name}: it uses YAML aliases (*name): write the values out")
        return yaml.load(source.text, Loader=loader_class)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidFileError(f"{source.name}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidFileError(f"{source.name}: not valid YAML: {error}") from error
