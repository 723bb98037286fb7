"""The first docker on PATH that can reach BuildKit is found; without one the classic builder serves."""

import os
from pathlib import Path

import pytest

from envsnap.host.container.docker_cli import BuildKit, ClassicBuilder, build_command, build_variables, find_builder


def a_client(folder: Path, *, version: str, buildx: bool) -> Path:
    """Write a ``docker`` that answers as that version does."""
    folder.mkdir()
    answer = "echo github.com/docker/buildx v0.12.1" if buildx else "exit 1"
    executable = folder / "docker"
    executable.write_text(
        f'#!/bin/sh\ncase "$1" in\n  buildx) {answer};;\n  *) echo "Docker version {version}, build 0";;\nesac\n'
    )
    executable.chmod(0o755)
    return executable


def search(*folders: Path) -> dict[str, str]:
    """Return an environment whose PATH has ``folders`` first."""
    return {"PATH": os.pathsep.join(map(str, folders))}


def test_client_with_buildx_is_taken(tmp_path: Path) -> None:
    """The plugin serves any version."""
    docker = a_client(tmp_path / "a", version="28.2.2", buildx=True)

    assert BuildKit(executable=docker, buildx=True) == find_builder(search(tmp_path / "a"))


def test_new_client_without_buildx_is_passed_over(tmp_path: Path) -> None:
    """Only clients before 23 build with BuildKit on their own."""
    a_client(tmp_path / "a", version="28.2.2", buildx=False)
    old = a_client(tmp_path / "b", version="20.10.24+dfsg1", buildx=False)

    assert BuildKit(executable=old, buildx=False) == find_builder(search(tmp_path / "a", tmp_path / "b"))


@pytest.mark.parametrize("version", ["28.2.2", "23.0.0", "unknown"])
def test_without_buildkit_the_classic_builder_serves(tmp_path: Path, version: str) -> None:
    """A client that does not tell its version is not trusted to have BuildKit."""
    a_client(tmp_path / "a", version=version, buildx=False)

    assert ClassicBuilder() == find_builder(search(tmp_path / "a", tmp_path / "missing"))


def test_client_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    """A binary of another machine, for example, does not stop the search."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "docker").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "a" / "docker").chmod(0o755)
    docker = a_client(tmp_path / "b", version="28.2.2", buildx=True)

    assert BuildKit(executable=docker, buildx=True) == find_builder(search(tmp_path / "a", tmp_path / "b"))


def test_podman_builds_classically(tmp_path: Path) -> None:
    """Podman serves no BuildKit, whatever client there is."""
    a_client(tmp_path / "a", version="20.10.24", buildx=True)

    assert ClassicBuilder() == find_builder(search(tmp_path / "a"), podman=True)


def test_buildkit_is_asked_for_as_the_client_wants_it() -> None:
    """buildx loads the image into the engine; the old client wants a variable."""
    docker = Path("/usr/bin/docker")
    plugin, builtin = BuildKit(executable=docker, buildx=True), BuildKit(executable=docker, buildx=False)

    assert ("/usr/bin/docker", "buildx", "build", "--builder", "default", "--load") == build_command(plugin)
    assert build_variables(plugin) == {}
    assert ("/usr/bin/docker", "build") == build_command(builtin)
    assert {"DOCKER_BUILDKIT": "1"} == build_variables(builtin)
