"""envsnap.toml, or [tool.envsnap] in pyproject.toml: parsed once, checked, and resolved into a Job."""

import re
import tomllib
from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.build_spec import AptName, ImageName
from envsnap.manifest.job import Gpus, Job, JobOutput, Seed
from envsnap.manifest.model import Model, convert
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Bounds, Tolerance

SUFFIX_FORMATS: dict[str, OutputFormat] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
}
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class OutputTable(Model, frozen=True):
    """``[[job.outputs]]`` as a user writes it."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    format: OutputFormat | None = None
    tolerance: dict[str, Tolerance] = {}


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
    env: dict[str, str] = {}
    pass_env: tuple[str, ...] = ()


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
    return _checked(convert(_load(text, source), Project, source=source), source)


def parse_pyproject(text: str, *, source: str) -> Project | None:
    """Read ``[tool.envsnap]`` of a pyproject.toml; None where there is no such table."""
    table = _load(text, source).get("tool", {}).get("envsnap")
    where = f"{source} [tool.envsnap]"
    return None if table is None else _checked(convert(table, Project, source=where), where)


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
        timeout_seconds=_quantity(table.timeout, SECONDS, "job.timeout", '"90s", "30m" or "2h"', source),
        network=table.network,
        gpus=table.gpus,
        shm_bytes=_bytes(table.shm_size, source),
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
    return JobOutput(
        path=str(PurePosixPath(output.path)),
        format=output_format(output.path, output.format, source=source),
        tolerance=output.tolerance,
    )


def _load(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidFileError(f"{source}: not valid TOML: {error}") from error


def _checked(project: Project, source: str) -> Project:
    if project.job is not None:
        resolve_job(project.job, threads=1, source=source)
        _check_outputs(project.job.outputs, source)
        _check_variables(project.job, source)
    return project


def _check_outputs(outputs: tuple[OutputTable, ...], source: str) -> None:
    seen: set[PurePosixPath] = set()
    for index, output in enumerate(outputs):
        path = PurePosixPath(output.path)
        where = f"{source}: job.outputs[{index}].path"
        if path.is_absolute() or ".." in path.parts:
            raise InvalidFileError(f"{where}: '{output.path}' leads out of the project; outputs lie inside it")
        if path in seen:
            raise InvalidFileError(f"{where}: '{output.path}' is declared twice")
        seen.add(path)
        for name, tolerance in output.tolerance.items():
            if isinstance(tolerance, Bounds) and not (tolerance.atol >= 0 and tolerance.rtol >= 0):
                raise InvalidFileError(f"{source}: tolerance '{name}' of '{output.path}': atol and rtol are 0 or more")


def _check_variables(job: JobTable, source: str) -> None:
    for name in (*job.env, *job.pass_env):
        if not VARIABLE_NAME.fullmatch(name):
            raise InvalidFileError(f"{source}: '{name}' in job.env or job.pass-env is not the name of a variable")
    for name, value in job.env.items():
        if SECRET_NAME.search(name):
            raise InvalidFileError(
                f"{source}: job.env.{name} looks like a secret, and job.env is written into the lock; "
                f'take it out and name it in pass-env = ["{name}"]: its value is then handed through and recorded nowhere'
            )
        if "\0" in value:
            raise InvalidFileError(f"{source}: job.env.{name} holds a NUL character")


def _bytes(value: str | int | None, source: str) -> int | None:
    size = _quantity(value, BYTES, "job.shm-size", '"512m" or "1g"', source)
    return None if size is None else int(size)


def _quantity(value: str | int | None, units: dict[str, int], key: str, examples: str, source: str) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", str(value).strip())
    unit = units.get(match.group(2).lower()) if match else None
    if match is None or unit is None or float(match.group(1)) <= 0:
        raise InvalidFileError(f"{source}: {key} = {value!r} is not a quantity like {examples}")
    return float(match.group(1)) * unit
