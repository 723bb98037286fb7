"""What ``doctor`` asks this machine: each question has a limit, and those that take time are asked side by side."""

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import assert_never

from envsnap.capture.hardware import capture_hardware
from envsnap.environment import Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import MissingToolError, UsageError
from envsnap.host import nvml
from envsnap.host.container.docker_cli import Builder, BuildKit, ClassicBuilder, find_builder
from envsnap.host.container.engine import Engine
from envsnap.host.credentials import mask_credentials
from envsnap.host.files import free_space
from envsnap.host.index_config import read_index_config
from envsnap.host.nvml import NvmlFacts
from envsnap.host.uv import Uv, find_uv
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.machine import BuilderName, ContainerEngine, Machine, Purpose, Room
from envsnap.workflow.environments import Target
from envsnap.workflow.interpreters import choose_python

ENGINE_SECONDS = 5.0
"""An engine at work answers within one; a socket that takes the question and is silent must not hold the command."""

PYTHON_SECONDS = 10.0


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
    target: Target | None = None
    online: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What answered.

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
def reach(request: DoctorRequest, version: str) -> Iterator[Reached]:
    """Ask for engine, interpreter of ``version`` ("" for none) and GPUs at once; close the connection at the end.

    Raises:
        CaptureError: the index settings of pip or uv cannot be read.
    """
    uv = _find_uv(request.env)
    with contextlib.ExitStack() as closing, ThreadPoolExecutor(max_workers=3) as pool:
        asked = pool.submit(_ask_engine, request.env, closing)
        gpus = pool.submit(nvml.query)
        interpreter = pool.submit(find_interpreter, uv, version, request)
        engine, problem, builder = asked.result()
        yield Reached(
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
    return str(found) if found else _own_interpreter(version, request.folder, request.env)


def _own_interpreter(version: str, folder: Path, env: Mapping[str, str]) -> str:
    script = "import platform; print(platform.python_version())"
    try:
        own = choose_python(folder, env, None, None)
        environment = LocalEnvironment(own, caller=env)
        ask = Execution(
            argv=(environment.python, "-I", "-c", script), workdir=folder.absolute(), timeout=PYTHON_SECONDS
        )
        done = environment.execute(ask)
    except (UsageError, MissingToolError):
        return ""
    return environment.python if done.stdout.decode("utf-8", "replace").strip() == version else ""


def describe_machine(reached: Reached, request: DoctorRequest) -> Machine:
    """Put together what this machine has."""
    return Machine(
        platform=_platform(),
        hardware=capture_hardware(reached.gpus),
        driver=reached.gpus.driver,
        gpu_problem=reached.gpus.problem,
        engine=_describe_engine(reached),
        engine_problem=reached.engine_problem,
        uv=_uv_version() if reached.uv else "",
        git=shutil.which("git", path=request.env.get("PATH", os.defpath)) or "",
        rooms=tuple(_rooms(reached, request.folder, request.env)),
    )


def _platform() -> Platform:
    libc, version = platform.libc_ver()
    system, arch, kernel = platform.system(), platform.machine(), platform.release()
    return Platform(system=system, arch=arch, libc=libc, libc_version=version, distribution="", kernel=kernel)


def _describe_engine(reached: Reached) -> ContainerEngine | None:
    if reached.engine is None:
        return None
    info = reached.engine.info
    return ContainerEngine(
        address=mask_credentials(info.address),
        version=info.version,
        api=info.api,
        arch=info.arch,
        podman=info.podman,
        rootless=info.rootless,
        local=bool(info.root),
        builder=_builder_name(reached.builder),
        gpu_support=info.gpu_support,
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


def _rooms(reached: Reached, folder: Path, env: Mapping[str, str]) -> Iterator[Room]:
    home = Path(env.get("HOME", "/"))
    cache = env.get("UV_CACHE_DIR") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "uv"
    places: dict[Purpose, str] = {"work": str(folder.absolute() / ".envsnap"), "cache": str(cache)}
    if reached.engine is not None and reached.engine.info.root:
        places = {"engine": reached.engine.info.root, **places}
    for purpose, place in places.items():
        space = free_space(Path(place))
        if space is not None:
            yield Room(purpose=purpose, path=place, device=space[0], free=space[1])
