"""envsnap.toml, or [tool.envsnap] in pyproject.toml: parsed once, checked, and resolved into a Job."""

import math
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.build_spec import AptName, ImageName
from envsnap.manifest.job import PROCESSES, Gpus, Job, JobOutput, ProfileName, Seed
from envsnap.manifest.layout import Layout
from envsnap.manifest.model import Model, convert
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.quantity import BYTES, SECONDS, parse_quantity
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.toml import parse_toml

SUFFIX_FORMATS: dict[str, OutputFormat] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
}
SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PAT|AUTH|KEY|APIKEY)(?:_|$)", re.IGNORECASE
)
"""Words of a variable's name: HF_TOKEN and AWS_SECRET_ACCESS_KEY, but not TOKENIZERS_PARALLELISM."""
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class OutputTable(Layout, frozen=True, kw_only=True):
    """``[[job.outputs]]`` as a user writes it."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    format: OutputFormat | None = None
    tolerance: dict[str, Tolerance] = {}


class ProfileTable(Model, frozen=True):
    """``[job.profiles.NAME]`` as a user writes it: what is not given is the job's own.

    Args:
        arguments: words behind the job's command, in the place of another command.
        env: laid over the job's, variable by variable; every other key replaces the job's.
    """

    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None
    arguments: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[OutputTable, ...] | None = None
    seed: Seed | None = None
    deterministic: bool | None = None
    threads: Annotated[int, msgspec.Meta(ge=1)] | None = None
    runs: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    timeout: str | int | None = None
    network: bool | None = None
    gpus: Gpus | None = None
    shm_size: str | int | None = None
    memory: str | int | None = None
    processes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    env: dict[str, str] | None = None
    pass_env: tuple[str, ...] | None = None


class JobTable(Model, frozen=True):
    """``[job]`` as a user writes it."""

    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    inputs: tuple[str, ...] = ()
    outputs: tuple[OutputTable, ...] = ()
    seed: Seed = 0
    deterministic: bool = True
    threads: Annotated[int, msgspec.Meta(ge=1)] | None = None
    runs: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    timeout: str | int | None = None
    network: bool = False
    gpus: Gpus = "all"
    shm_size: str | int | None = None
    memory: str | int | None = None
    processes: Annotated[int, msgspec.Meta(ge=1)] = PROCESSES
    env: dict[str, str] = {}
    pass_env: tuple[str, ...] = ()
    profiles: dict[ProfileName, ProfileTable] = {}


class BuildTable(Model, frozen=True):
    """``[build]`` as a user writes it."""

    base_image: ImageName | None = None
    apt: tuple[AptName, ...] = ()


class Project(Model, frozen=True):
    """A project's settings; both tables may be absent."""

    job: JobTable | None = None
    build: BuildTable = BuildTable()


def parse_project(text: str, *, source: str) -> Project:
    """Read envsnap.toml.

    Raises:
        InvalidFileError: not TOML, an unknown key (the nearest known one is named) or a wrong value.
    """
    return _checked(parse_toml(text, source=source), source)


def parse_pyproject(text: str, *, source: str) -> Project | None:
    """Read ``[tool.envsnap]`` of a pyproject.toml; None where there is no such table.

    Raises:
        InvalidFileError: as :func:`parse_project` does.
    """
    tools = parse_toml(text, source=source).get("tool")
    if not isinstance(tools, dict) or "envsnap" not in tools:
        return None
    return _checked(tools["envsnap"], f"{source} [tool.envsnap]")


def lay_over(table: JobTable, profile: ProfileTable) -> JobTable:
    """Return the job with what a profile says of it."""
    said = {name: getattr(profile, name) for name in ProfileTable.__struct_fields__ if name != "arguments"}
    changes = {name: value for name, value in said.items() if value is not None}
    if profile.arguments is not None:
        changes["command"] = (*table.command, *profile.arguments)
    return msgspec.structs.replace(table, **changes | {"env": table.env | (profile.env or {}), "profiles": {}})


def profile_source(name: str, source: str) -> str:
    """Say where a profile stands, for messages."""
    return f"{source} [job.profiles.{name}]"


def resolve_job(table: JobTable, *, threads: int, source: str) -> Job:
    """Turn a ``[job]`` table into a Job; ``threads`` is taken where the table names none.

    Raises:
        InvalidFileError: a duration, size or suffix that cannot be read.
    """
    return Job(
        command=table.command,
        inputs=table.inputs,
        outputs=tuple(_resolve_output(output, source) for output in table.outputs),
        seed=table.seed,
        deterministic=table.deterministic,
        threads=table.threads or threads,
        runs=table.runs,
        timeout_seconds=_seconds(table.timeout, source),
        network=table.network,
        gpus=table.gpus,
        shm_bytes=_bytes(table.shm_size, "shm-size", source),
        memory_bytes=_bytes(table.memory, "memory", source),
        processes=table.processes,
        env=dict(sorted(table.env.items())),
        pass_env=tuple(sorted(table.pass_env)),
    )


def output_format(path: str, declared: OutputFormat | None, *, source: str) -> OutputFormat:
    """Return the declared format, or the one that the suffix tells.

    Raises:
        InvalidFileError: the suffix is not known.
    """
    known = declared or SUFFIX_FORMATS.get(PurePosixPath(path).suffix.lower())
    if known is None:
        raise InvalidFileError(
            f"{source}: the format of output '{path}' cannot be told from its suffix; "
            f'add format = "...": {", ".join(sorted(set(SUFFIX_FORMATS.values())))}'
        )
    return known


def _resolve_output(output: OutputTable, source: str) -> JobOutput:
    kind = output_format(output.path, output.format, source=source)
    layout = Layout(**{name: getattr(output, name) for name in Layout.__struct_fields__})
    _check_layout(layout, kind, f"{source}: output '{output.path}'")
    return JobOutput(
        path=str(PurePosixPath(output.path)),
        format=kind,
        tolerance=output.tolerance,
        layout=layout if layout != Layout() else None,
    )


def _check_layout(layout: Layout, kind: OutputFormat, where: str) -> None:
    """Refuse keys that say nothing of a file of this format."""
    of_tables = {"header": layout.header, "delimiter": layout.delimiter, "index": layout.index}
    given = [name for name, value in of_tables.items() if value is not None] + ["decimal"] * (layout.decimal != ".")
    if given and kind != "csv":
        raise InvalidFileError(f"{where}: '{given[0]}' is a key of CSV outputs, and this one's format is {kind}")
    if layout.precision is not None and kind not in {"csv", "json", "jsonl"}:
        raise InvalidFileError(f"{where}: 'precision' is a key of text outputs; {kind} files tell their own")
    if layout.decimal == "," and layout.delimiter in {None, ","}:
        raise InvalidFileError(f"{where}: with decimal = ',' name the delimiter too, such as delimiter = ';'")


def _checked(document: object, source: str) -> Project:
    project = convert(document, Project, source=source)
    if project.job is not None:
        _check_job(project.job, source)
        for name, profile in project.job.profiles.items():
            where = profile_source(name, source)
            if profile.command is not None and profile.arguments is not None:
                raise InvalidFileError(
                    f"{where}: 'command' is another command, 'arguments' are words behind the job's: give one of them"
                )
            _check_job(lay_over(project.job, profile), where)
    return project


def _check_job(job: JobTable, source: str) -> None:
    _check_words(job, source)
    _check_outputs(job.outputs, source)
    _check_variables(job, source)
    resolve_job(job, threads=1, source=source)


def _check_words(job: JobTable, source: str) -> None:
    if not job.command[0]:
        raise InvalidFileError(f"{source}: job.command starts with an empty word; it names the program to run")
    if any("\0" in word for word in job.command):
        raise InvalidFileError(f"{source}: job.command holds a NUL character")
    for index, pattern in enumerate(job.inputs):
        if not pattern or CONTROL.search(pattern):
            raise InvalidFileError(f"{source}: job.inputs[{index}] is empty or holds a control character")


def _check_outputs(outputs: Iterable[OutputTable], source: str) -> None:
    seen: set[PurePosixPath] = set()
    for index, output in enumerate(outputs):
        path = PurePosixPath(output.path)
        where = f"{source}: job.outputs[{index}].path"
        if CONTROL.search(output.path):
            raise InvalidFileError(f"{where}: {output.path!r} holds a control character")
        if path.is_absolute() or ".." in path.parts:
            raise InvalidFileError(f"{where}: '{output.path}' leads out of the project; outputs lie inside it")
        if not path.parts:
            raise InvalidFileError(f"{where}: '{output.path}' is the project itself; name a file inside it")
        if path in seen:
            raise InvalidFileError(f"{where}: '{output.path}' is declared twice")
        seen.add(path)
        _check_tolerances(output, source)


def _check_tolerances(output: OutputTable, source: str) -> None:
    for name, tolerance in output.tolerance.items():
        if isinstance(tolerance, Bounds) and not all(
            bound >= 0 and math.isfinite(bound) for bound in (tolerance.atol, tolerance.rtol)
        ):
            raise InvalidFileError(
                f"{source}: tolerance '{name}' of '{output.path}': atol and rtol are finite and 0 or more; "
                'to leave a metric out, write "ignore"'
            )


def _check_variables(job: JobTable, source: str) -> None:
    for name in (*job.env, *job.pass_env):
        if not VARIABLE_NAME.fullmatch(name):
            raise InvalidFileError(f"{source}: '{name}' in job.env or job.pass-env is not the name of a variable")
    for name, value in job.env.items():
        if SECRET_NAME.search(name):
            raise InvalidFileError(
                f"{source}: job.env.{name} looks like a secret, and job.env is written into the lock; "
                f'take it out and name it in pass-env = ["{name}"]: its value is handed through and recorded nowhere'
            )
        if "\0" in value:
            raise InvalidFileError(f"{source}: job.env.{name} holds a NUL character")


def _seconds(value: str | int | None, source: str) -> float | None:
    return None if value is None else parse_quantity(value, SECONDS, where=f"{source}: job.timeout")


def _bytes(value: str | int | None, key: str, source: str) -> int | None:
    return None if value is None else int(parse_quantity(value, BYTES, where=f"{source}: job.{key}"))
