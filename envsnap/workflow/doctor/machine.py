"""What ``doctor`` asks this machine: each question has a limit, and those that take time are asked side by side."""

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import assert_never

from msgspec import convert

from envsnap.capture.hardware import NvmlFacts, capture_hardware, query_gpus
from envsnap.errors import MissingToolError
from envsnap.host.container.docker_cli import Builder, BuildKit, ClassicBuilder, find_builder
from envsnap.host.container.engine import Engine
from envsnap.host.credentials import mask_credentials
from envsnap.host.files import free_space
from envsnap.host.index.config import read_index_config
from envsnap.host.index.uv import Uv, find_uv
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.machine import BuilderName, ContainerEngine, DiskSpace, Machine, Purpose
from envsnap.workflow.interpreters import find_own_python

ENGINE_SECONDS = 5.0
"""An engine at work answers within one; a socket that takes the question and is silent must not hold the command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorRequest:
    """What the user asked for.

    Args:
        folder: the project.
        env: the caller's environment.
        lock: the lock to look at; None for the project's, where it has one.
        target: the way to rebuild that must be possible; None where one of them is enough.
        online: whether the package indexes are asked too.
    """

    folder: Path
    env: Mapping[str, str]
    lock: Path | None = None
    target: BuildTarget | None = None
    online: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The tools of this machine that answered.

    Args:
        engine: the engine, or None and ``engine_problem``; ``builder`` is what builds images there.
        uv: the uv that came with envsnap.
        interpreter: a Python of the version that was asked for; "" where there is none.
        gpus: what NVML says.
    """

    engine: Engine | None
    engine_problem: str
    builder: Builder
    uv: Uv | None
    interpreter: str
    gpus: NvmlFacts


@contextlib.contextmanager
def open_tools(request: DoctorRequest, version: str) -> Iterator[Tools]:
    """Ask for engine, interpreter of ``version`` ("" for none) and GPUs at once; close the connection at the end.

    Raises:
        CaptureError: the index settings of pip or uv cannot be read.
    """
    uv = _find_uv(request.env)
    with contextlib.ExitStack() as closing, ThreadPoolExecutor(max_workers=3) as pool:
        asked = pool.submit(_ask_engine, request.env, closing)
        gpus = pool.submit(query_gpus)
        interpreter = pool.submit(find_interpreter, uv, version, request)
        engine, problem, builder = asked.result()
        yield Tools(
            engine=engine,
            engine_problem=problem,
            builder=builder,
            uv=uv,
            interpreter=interpreter.result(),
            gpus=gpus.result(),
        )


def _find_uv(env: Mapping[str, str]) -> Uv | None:
    with contextlib.suppress(MissingToolError):
        return find_uv(read_index_config(env))
    return None


def _ask_engine(env: Mapping[str, str], closing: contextlib.ExitStack) -> tuple[Engine | None, str, Builder]:
    try:
        engine = closing.enter_context(Engine.connect(env, seconds=ENGINE_SECONDS))
    except MissingToolError as error:
        return None, str(error), ClassicBuilder()
    return engine, "", find_builder(engine.cli_environment, podman=engine.info.podman)


def find_interpreter(uv: Uv | None, version: str, request: DoctorRequest) -> str:
    """Return an interpreter of exactly ``version``, where ``build`` finds one: uv's, else the project's own.

    uv looks on PATH and in its own store; the project's may lie elsewhere.
    """
    if not version:
        return ""
    found = uv.find_python(version, request.folder) if uv else None
    return str(found or find_own_python(request.folder, request.env, version) or "")


def describe_machine(tools: Tools, request: DoctorRequest) -> Machine:
    """Put together what this machine has."""
    return Machine(
        platform=_platform(),
        hardware=capture_hardware(tools.gpus),
        driver=tools.gpus.driver,
        gpu_problem=tools.gpus.problem,
        engine=_describe_engine(tools),
        engine_problem=tools.engine_problem,
        uv=_uv_version() if tools.uv else "",
        git=shutil.which("git", path=request.env.get("PATH", os.defpath)) or "",
        rooms=tuple(_rooms(tools, request.folder, request.env)),
    )


def _platform() -> Platform:
    libc, version = platform.libc_ver()
    system, arch, kernel = platform.system(), platform.machine(), platform.release()
    return Platform(system=system, arch=arch, libc=libc, libc_version=version, distribution="", kernel=kernel)


def _describe_engine(tools: Tools) -> ContainerEngine | None:
    if tools.engine is None:
        return None
    info = tools.engine.info
    return replace(
        convert(info, ContainerEngine, from_attributes=True),
        address=mask_credentials(info.address),
        local=bool(info.root),
        builder=_builder_name(tools.builder),
    )


def _builder_name(builder: Builder) -> BuilderName:
    match builder:
        case BuildKit():
            return "buildx" if builder.buildx else "docker"
        case ClassicBuilder():
            return "classic"
        case _:
            assert_never(builder)


def _uv_version() -> str:
    try:
        return metadata.version("uv")
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _rooms(tools: Tools, folder: Path, env: Mapping[str, str]) -> Iterator[DiskSpace]:
    home = Path(env.get("HOME", "/"))
    cache = env.get("UV_CACHE_DIR") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "uv"
    places: dict[Purpose, str] = {"work": str(folder.absolute() / ".envsnap"), "cache": str(cache)}
    if tools.engine is not None and tools.engine.info.root:
        places = {"engine": tools.engine.info.root, **places}
    for purpose, place in places.items():
        space = free_space(Path(place))
        if space is not None:
            yield DiskSpace(purpose=purpose, path=place, device=space[0], free=space[1])
