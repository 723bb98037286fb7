"""The docker command line: which one on PATH can build with BuildKit, and how it is told to."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import MissingToolError
from envsnap.host import process

_PROBE_SECONDS = 30
_VERSION = re.compile(r"Docker version (\d+)\.")
_FIRST_WITHOUT_BUILTIN = 23
"""From this version on the client builds with BuildKit through the buildx plugin only:
https://docs.docker.com/engine/release-notes/23.0/"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildKit:
    """BuildKit through a docker command line: through its plugin buildx, or through the client itself."""

    executable: Path
    buildx: bool


@dataclass(frozen=True, slots=True)
class ClassicBuilder:
    """The engine's classic builder: no secrets and no mounts while building."""


Builder = BuildKit | ClassicBuilder


def find_builder(env: Mapping[str, str], *, podman: bool = False) -> Builder:
    """Return the best builder: the first ``docker`` on PATH that can reach BuildKit, else the classic one.

    Args:
        env: the environment of the command line, with PATH and DOCKER_HOST (``Engine.cli_environment``).
        podman: whether the engine is Podman, which serves no BuildKit.
    """
    if podman:
        return ClassicBuilder()
    for executable in _executables(env.get("PATH", os.defpath)):
        if "buildx" in _answer(executable, ("buildx", "version"), env):
            return BuildKit(executable=executable, buildx=True)
        if _client_major(_answer(executable, ("--version",), env)) < _FIRST_WITHOUT_BUILTIN:
            return BuildKit(executable=executable, buildx=False)
    return ClassicBuilder()


def build_command(builder: BuildKit) -> tuple[str, ...]:
    """Return the words before a build's options.

    buildx's "default" builder is the engine itself, which holds the local images that a base may be.
    """
    if builder.buildx:
        return (str(builder.executable), "buildx", "build", "--builder", "default", "--load")
    return (str(builder.executable), "build")


def build_variables(builder: BuildKit) -> dict[str, str]:
    """Return the variables that a build needs beside those of every docker command."""
    return {} if builder.buildx else {"DOCKER_BUILDKIT": "1"}


def _executables(search_path: str) -> Iterator[Path]:
    seen = set()
    for folder in filter(None, search_path.split(os.pathsep)):
        executable = Path(folder) / "docker"
        if os.access(executable, os.X_OK) and executable.is_file() and executable.resolve() not in seen:
            seen.add(executable.resolve())
            yield executable


def _answer(executable: Path, arguments: tuple[str, ...], env: Mapping[str, str]) -> str:
    """Return what the client prints; nothing where it fails, or is no program of this machine."""
    try:
        ended = process.run((str(executable), *arguments), cwd=Path("/"), env=env, timeout=_PROBE_SECONDS)
    except MissingToolError:
        return ""
    return ended.stdout.decode(errors="replace") if ended.exit_code == 0 else ""


def _client_major(answer: str) -> int:
    """Return the client's major version; one that does not say it is taken for a new one."""
    found = _VERSION.search(answer)
    return int(found[1]) if found else _FIRST_WITHOUT_BUILTIN
