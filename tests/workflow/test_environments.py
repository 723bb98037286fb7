"""The right rebuilt environment is chosen, and it runs only where it equals the lock."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.environment import Environment
from envsnap.environment.container import ContainerEnvironment
from envsnap.errors import BuildError, EnvironmentDiffersError, MissingToolError, UsageError
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo, ImageInfo
from envsnap.host.files import work_folder
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.manifest import Manifest
from envsnap.workflow.environments import (
    RebuiltEnvironment,
    choose_rebuilt,
    image_tag,
    is_built,
    last_builds,
    open_rebuilt,
    prove_equal,
    remember_target,
)

TARGETS: tuple[BuildTarget | None, ...] = (None, "venv", "docker")


class FakeClient:
    """Is closed."""

    closed = False

    def close(self) -> None:
        """Note it."""
        self.closed = True


class FakeEngine(Engine):
    """Holds one image."""

    def image(self, name: str) -> ImageInfo | None:
        """Know ``t:1`` alone."""
        return ImageInfo(id="sha256:1", repo_digests=()) if name == "t:1" else None


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """The connection behind the engine that answers."""
    made = FakeClient()
    engine = FakeEngine(made, EngineInfo(address="fake", version="0"), {})
    monkeypatch.setattr(Engine, "connect", lambda _environ: engine)
    return made


@pytest.fixture
def manifest(make_manifest: Callable[..., Manifest]) -> Manifest:
    """A lock."""
    return make_manifest()


def test_image_is_named_by_folder_and_digest(project: Path, manifest: Manifest) -> None:
    """A name that Docker takes, whatever the folder is called; another lock has another tag."""
    (project.parent / "---").mkdir()

    assert f"envsnap/my-project:{manifest.snapshot.digest[:12]}" == image_tag(project, manifest)
    assert image_tag(project.parent / "---", manifest).startswith("envsnap/project:")


@pytest.mark.parametrize("target", [None, "docker"])
def test_last_build_of_this_lock_is_taken(project: Path, manifest: Manifest, target: BuildTarget | None) -> None:
    """With its own name, where no other target is asked for."""
    remember_target(project, "docker", "mine:1", manifest)

    assert RebuiltEnvironment("docker", "mine:1", manifest.snapshot.digest) == choose_rebuilt(
        project, manifest, target=target, image=None
    )


def test_last_build_of_another_lock_is_not_taken(
    project: Path, manifest: Manifest, make_manifest: Callable[..., Manifest]
) -> None:
    """A stale image would be compared under a new lock's name."""
    remember_target(project, "docker", "mine:1", make_manifest(job=None))

    assert RebuiltEnvironment("docker", image_tag(project, manifest)) == choose_rebuilt(
        project, manifest, target=None, image=None
    )


def test_target_that_is_named_beats_the_last_build(project: Path, manifest: Manifest) -> None:
    """It has its usual place, where it was not built from this lock."""
    remember_target(project, "docker", "mine:1", manifest)
    venv = choose_rebuilt(project, manifest, target="venv", image=None)
    (work_folder(project) / "build.json").unlink()
    remember_target(project, "venv", "/elsewhere/bin/python", manifest)
    docker = choose_rebuilt(project, manifest, target="docker", image=None)

    assert RebuiltEnvironment("docker", image_tag(project, manifest)) == docker
    assert RebuiltEnvironment("venv", str(project / ".envsnap" / "venv" / "bin" / "python")) == venv


def test_each_target_is_remembered_beside_the_other(project: Path, manifest: Manifest) -> None:
    """Whoever builds both verifies in both; the last one is taken where none is named."""
    remember_target(project, "venv", "/a/bin/python", manifest)
    remember_target(project, "docker", "mine:1", manifest)
    remember_target(project, "venv", "/b/bin/python", manifest)

    chosen = [choose_rebuilt(project, manifest, target=target, image=None).reference for target in TARGETS]

    assert ["/b/bin/python", "/b/bin/python", "mine:1"] == chosen


def test_next_lock_is_built_for_the_target_of_the_last(
    project: Path, manifest: Manifest, make_manifest: Callable[..., Manifest]
) -> None:
    """Who works without an engine says so once; the environment of the former lock is none of this one."""
    remember_target(project, "venv", "/elsewhere/bin/python", make_manifest(job=None))

    chosen = choose_rebuilt(project, manifest, target=None, image=None)

    assert RebuiltEnvironment("venv", str(project / ".envsnap" / "venv" / "bin" / "python")) == chosen


def test_virtual_environment_of_another_lock_is_not_built(
    project: Path, manifest: Manifest, make_manifest: Callable[..., Manifest]
) -> None:
    """They share a place, so that one stands there says nothing."""
    other = make_manifest(job=None)
    for lock in (other, manifest):
        remember_target(project, "venv", sys.executable, lock)
    venv = choose_rebuilt(project, manifest, target="venv", image=None)

    assert is_built(venv, manifest, {})
    assert not is_built(venv, other, {})
    assert not is_built(RebuiltEnvironment("venv", str(project / "python"), manifest.snapshot.digest), manifest, {})


@pytest.mark.parametrize(("name", "stands"), [("t:1", True), ("t:2", False)])
def test_image_is_built_where_the_engine_has_it(
    client: FakeClient, manifest: Manifest, name: str, *, stands: bool
) -> None:
    """Its name holds the digest of the lock; the connection is closed."""
    assert stands is is_built(RebuiltEnvironment("docker", name), manifest, {})
    assert client.closed


def test_without_an_engine_the_other_target_is_named(manifest: Manifest) -> None:
    """Whoever has none needs none."""
    with pytest.raises(MissingToolError, match="or take --target venv, which needs no engine"):
        is_built(RebuiltEnvironment("docker", "t:1"), manifest, {"DOCKER_HOST": "unix:///nowhere"})


def test_image_that_is_named_beats_everything_but_a_contradiction(project: Path, manifest: Manifest) -> None:
    """An image is no virtual environment: neither of the two wishes is dropped silently."""
    remember_target(project, "venv", "/elsewhere/bin/python", manifest)

    assert RebuiltEnvironment("docker", "t:1") == choose_rebuilt(project, manifest, target=None, image="t:1")
    with pytest.raises(UsageError, match="give one of them"):
        choose_rebuilt(project, manifest, target="venv", image="t:1")


@pytest.mark.parametrize("note", [b"", b"{", b'{"target": "conda"}', b'{"target": "\xff"}'])
def test_damaged_note_of_the_last_build_is_none(project: Path, note: bytes) -> None:
    """The work folder is safe to delete, and to damage."""
    (work_folder(project) / "build.json").write_bytes(note)

    assert () == last_builds(project)


def test_virtual_environment_runs_with_the_callers_path(tmp_path: Path) -> None:
    """The interpreter is the reference; one that is not there says how to build it."""
    with open_rebuilt(RebuiltEnvironment("venv", sys.executable), {"PATH": os.defpath}) as environment:
        assert sys.executable == environment.python
    with (
        pytest.raises(BuildError, match="run 'envsnap build --target venv'"),
        open_rebuilt(RebuiltEnvironment("venv", str(tmp_path / "python")), {}),
    ):
        pytest.fail("there is no such environment")


def test_image_is_reached_and_the_connection_closed(client: FakeClient) -> None:
    """The environment is called by the name that the user knows."""
    with open_rebuilt(RebuiltEnvironment("docker", "t:1"), {}) as environment:
        assert isinstance(environment, ContainerEnvironment)
        assert "container t:1" == environment.name
        assert not client.closed

    assert client.closed


def test_missing_image_is_named_and_the_connection_closed(client: FakeClient) -> None:
    """The message says how to build one, or to name another."""
    with (
        pytest.raises(BuildError, match="the engine has no image t:2: run 'envsnap build'"),
        open_rebuilt(RebuiltEnvironment("docker", "t:2"), {}),
    ):
        pytest.fail("there is no such image")

    assert client.closed


def test_equal_environment_is_proven(
    project: Path, manifest: Manifest, make_environment: Callable[..., Environment]
) -> None:
    """Nothing is said of it."""
    prove_equal(make_environment(), manifest, project)


@pytest.mark.parametrize(
    ("changes", "count", "named"),
    [
        ({"content_digest": "ef" * 32}, "1 difference\n", "tool"),
        ({"version": "3.11.8"}, "1 difference\n", "3.11.8"),
        ({"content_digest": "", "soabi": "cpython-312"}, "2 differences\n", "unknown"),
    ],
)
def test_each_difference_is_named(
    project: Path,
    manifest: Manifest,
    make_environment: Callable[..., Environment],
    changes: dict[str, str],
    count: str,
    named: str,
) -> None:
    """Content alone is enough: the versions may be the same."""
    with pytest.raises(EnvironmentDiffersError) as caught:
        prove_equal(make_environment(**changes), manifest, project)

    message = str(caught.value)
    assert f"the fake environment is not the environment that envsnap.lock records: {count}" in message
    assert named in message
