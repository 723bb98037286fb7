"""environment.yml: conda's match specifications, channels, and a pip section."""

from collections.abc import Mapping

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.host.index.conda_solver import check_specs
from envsnap.lock.specification.parsed import CondaSpecification
from envsnap.lock.specification.requirements import read_requirement_lines
from envsnap.lock.specification.specification_file import SourceFile, convert_document, parse_yaml

NO_DEFAULTS = "nodefaults"


class _Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html."""

    dependencies: tuple[str | dict[str, tuple[str, ...]], ...] = ()
    channels: tuple[str, ...] = ()
    name: str | None = None
    prefix: str | None = None
    variables: dict[str, str | int | float | bool] = {}
    platforms: tuple[str, ...] = ()
    category: str | None = None


def read_environment_yml(source: SourceFile, env: Mapping[str, str]) -> CondaSpecification:
    """Read an environment.yml; ``env`` fills ``${VARIABLES}`` of its pip section in.

    Raises:
        InvalidFileError: not YAML, not what conda describes, no channels, or a specification that is none.
        MissingToolError: rattler is not installed.
    """
    document = convert_document(parse_yaml(source), _Environment, source.name)
    specs: dict[str, str] = {}
    pip: dict[str, str] = {}
    for number, entry in enumerate(document.dependencies):
        if isinstance(entry, str):
            specs[f"{source.name}: dependencies[{number}]"] = entry
            continue
        for manager, lines in entry.items():
            if manager != "pip":
                raise InvalidFileError(f"{source.name}: dependencies[{number}]: {manager!r} is no section; pip is")
            pip |= {f" dependencies[{number}].pip[{index}]": line for index, line in enumerate(lines)}
    check_specs(specs)
    channels = tuple(channel for channel in document.channels if channel != NO_DEFAULTS)
    if specs and not channels:
        raise InvalidFileError(
            f"{source.name}: it names no channels, and which ones conda then asks is a setting of each machine: "
            "list them under channels"
        )
    wanted = read_requirement_lines(source, pip, env) if pip else None
    return CondaSpecification(
        files=wanted.files if wanted else (source,),
        specs=tuple(specs.values()),
        channels=channels,
        pip=wanted,
        variables=tuple(sorted(document.variables)),
    )
