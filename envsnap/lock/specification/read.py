"""A specification's file -> what it says: the one place that knows which reader serves which format."""

from collections.abc import Mapping
from typing import assert_never

from envsnap.errors import UsageError
from envsnap.lock.specification.conda import subdir_of
from envsnap.lock.specification.parsed import ParsedSpecification
from envsnap.lock.specification.project import read_pyproject, read_uv_lock
from envsnap.lock.specification.pylock import read_pylock
from envsnap.lock.specification.requirements import read_requirements
from envsnap.lock.specification.specification_file import SourceFile, SpecificationRequest, detect_format, read_source
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.specification import SpecificationFormat

WITHOUT_EXTRAS = frozenset({"requirements", "pipfile-lock", "environment-yml", "conda-lock"})
WITHOUT_GROUPS = frozenset({"requirements", "environment-yml"})


def read_specification(
    request: SpecificationRequest, env: Mapping[str, str], interpreter: Interpreter, platform: Platform
) -> tuple[ParsedSpecification, SpecificationFormat]:
    """Read a specification; return what it says, and its format.

    Raises:
        UsageError: the file is not there, its format is unknown, or it has no extras or groups.
        InvalidFileError: it is not valid; the message names the file, and the line or key.
        CaptureError: it says nothing for the captured interpreter and platform.
        MissingToolError: the reader of the format is not installed.
    """
    kind = request.format or detect_format(request.path)
    for option, chosen, without in (
        ("--extra", request.extras, WITHOUT_EXTRAS),
        ("--group", request.groups, WITHOUT_GROUPS),
    ):
        if chosen and kind in without:
            raise UsageError(f"{option} {chosen[0]}: {request.path.name} is read as {kind}, which has none")
    return _read(kind, read_source(request.path), request, env, interpreter, platform), kind


def _read(
    kind: SpecificationFormat,
    source: SourceFile,
    request: SpecificationRequest,
    env: Mapping[str, str],
    interpreter: Interpreter,
    platform: Platform,
) -> ParsedSpecification:
    extras, groups = request.extras, request.groups
    match kind:
        case "requirements":
            return read_requirements(source, env)
        case "pyproject" | "uv-lock":
            read = read_pyproject if kind == "pyproject" else read_uv_lock
            return read(source, env, extras=extras, groups=groups, python=interpreter.version)
        case "pylock":
            return read_pylock(source, extras=extras, groups=groups)
        case "pipfile-lock":
            from envsnap.lock.specification.pipfile import read_pipfile_lock

            return read_pipfile_lock(source, env, groups=groups)
        case "environment-yml":
            from envsnap.lock.specification.conda_environment import read_environment_yml

            return read_environment_yml(source, env)
        case "conda-lock":
            from envsnap.lock.specification.conda_lock import read_conda_lock

            return read_conda_lock(source, subdir=subdir_of(platform), groups=groups)
        case _:
            assert_never(kind)
