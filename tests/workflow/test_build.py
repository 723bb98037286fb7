"""A build overwrites nothing of the user's, names its base by the right digest, and is remembered once proven."""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from envsnap.errors import BuildError, EnvironmentDiffersError, UsageError
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo, ImageInfo
from envsnap.manifest.build_spec import BuildSpec, BuildTarget
from envsnap.manifest.interpreter import Platform
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.workflow.build import UNPINNED, BuildRequest, BuildResult, _resolve_base, build
from envsnap.workflow.environments import last_builds
from envsnap.workflow.progress import Progress

DIGEST, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class FakeEngine(Engine):
    """Holds images by name and digests; a pull brings one that its registry pins."""

    def __init__(self, repo_digests: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(None, EngineInfo(address="fake", version="0"), {})
        self._digests = repo_digests
        self.pulled: list[str] = []

    def image(self, name: str) -> ImageInfo | None:
        """Answer for what is held."""
        return self._info(self._digests[name]) if name in self._digests else None

    def pull(self, name: str, on_progress: Callable[[str], None] = print) -> ImageInfo:
        """Give every image the same digest."""
        on_progress("pulled")
        self.pulled.append(name)
        return self._info((f"{name.partition(':')[0]}@{DIGEST}",))

    def _info(self, digests: tuple[str, ...]) -> ImageInfo:
        return ImageInfo(id="sha256:1", repo_digests=digests)


@pytest.fixture
def request_build(
    project: Path, make_manifest: Callable[..., Manifest], progress: Progress
) -> Callable[..., BuildResult]:
    """Write a lock and ask for its build, for this machine's architecture."""

    def ask(*, target: BuildTarget = "venv", env: dict[str, str] | None = None, **options: Any) -> BuildResult:
        here = Platform(
            system="Linux", arch=platform.machine(), libc="glibc", libc_version="2", distribution="d", kernel="6"
        )
        (project / "envsnap.lock").write_text(dump_manifest(make_manifest(platform=here)), encoding="utf-8")
        lock = project / "envsnap.lock"
        return build(BuildRequest(folder=project, env=env or {}, lock=lock, target=target, **options), progress)

    return ask


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.parametrize("target", ["docker", "venv"])
@pytest.mark.parametrize("below", ["", ".."])
def test_project_itself_is_never_overwritten(
    project: Path, request_build: Callable[..., BuildResult], target: BuildTarget, below: str
) -> None:
    """Not even where it has a Dockerfile and a requirements.txt of its own, as a rendered context has."""
    for name in ("Dockerfile", "requirements.txt", "train.py"):
        (project / name).write_text("mine")

    with pytest.raises(UsageError, match="holds the project and would be overwritten"):
        request_build(target=target, output=project / below, render_only=True)

    assert ["mine"] * 3 == [(project / name).read_text() for name in ("Dockerfile", "requirements.txt", "train.py")]


@pytest.mark.parametrize(("target", "own"), [("docker", "Dockerfile"), ("venv", "requirements.txt")])
def test_folder_of_the_users_is_never_overwritten(
    tmp_path: Path, request_build: Callable[..., BuildResult], target: BuildTarget, own: str
) -> None:
    """A folder that holds more than what is rendered is the user's, whatever a file in it is called."""
    mine = tmp_path / "service"
    mine.mkdir()
    (mine / own).write_text("mine")
    (mine / "main.py").touch()

    with pytest.raises(BuildError, match="holds other files"):
        request_build(target=target, output=mine, render_only=True)

    assert ({own, "main.py"}, "mine") == (names(mine), (mine / own).read_text())


@pytest.mark.parametrize(
    ("target", "written"),
    [("docker", {"Dockerfile", "install.sh", "requirements", "tools"}), ("venv", {"requirements.txt"})],
)
def test_rendering_again_replaces_what_was_rendered(
    tmp_path: Path, request_build: Callable[..., BuildResult], target: BuildTarget, written: set[str]
) -> None:
    """The same folder serves twice, and nothing is built or remembered."""
    for _ in range(2):
        request_build(target=target, output=tmp_path / "out", render_only=True)

    assert written == names(tmp_path / "out")
    assert () == last_builds(tmp_path / "My Project")


def test_options_that_contradict_each_other_are_refused(request_build: Callable[..., BuildResult]) -> None:
    """A virtual environment has no tag."""
    with pytest.raises(UsageError, match="--tag names an image"):
        request_build(target="venv", tag="t:1")


def test_missing_project_is_a_usage_error(tmp_path: Path, progress: Progress) -> None:
    """Whatever lock is named."""
    request = BuildRequest(folder=tmp_path / "nowhere", env={}, lock=tmp_path / "envsnap.lock", target="venv")

    with pytest.raises(UsageError, match="there is no such folder"):
        build(request, progress)


def test_lock_without_a_base_image_says_what_to_set(
    project: Path, make_manifest: Callable[..., Manifest], progress: Progress
) -> None:
    """Before any engine is asked for."""
    (project / "envsnap.lock").write_text(dump_manifest(make_manifest(build=BuildSpec())), encoding="utf-8")
    lock = project / "envsnap.lock"

    with pytest.raises(BuildError, match="set base-image"):
        build(BuildRequest(folder=project, env={}, lock=lock, target="docker", render_only=True), progress)


def test_only_a_proven_environment_is_remembered(
    project: Path, request_build: Callable[..., BuildResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """verify takes the last build: one that differs from the lock must not be it."""

    def refuse(*_arguments: object) -> None:
        raise EnvironmentDiffersError("1 difference")

    monkeypatch.setattr("envsnap.workflow.build.build_venv", lambda *_arguments, **_options: Path("/opt/bin/python"))
    monkeypatch.setattr("envsnap.workflow.build.note_project", lambda *_arguments: None)
    monkeypatch.setattr("envsnap.workflow.build.prove_equal", refuse)
    with pytest.raises(EnvironmentDiffersError):
        request_build()
    before = last_builds(project)
    monkeypatch.setattr("envsnap.workflow.build.prove_equal", lambda *_arguments: None)
    request_build()
    (after,) = last_builds(project)

    assert () == before
    assert ("venv", "/opt/bin/python") == (after.target, after.reference)


@pytest.mark.parametrize(
    ("name", "digests", "expected"),
    [
        ("python:3.11", (f"python@{DIGEST}",), f"python:3.11@{DIGEST}"),
        ("python:3.11", (f"index.example/python@{OTHER}", f"python@{DIGEST}"), f"python:3.11@{DIGEST}"),
        ("docker.io/library/python:3.11", (f"python@{DIGEST}",), f"docker.io/library/python:3.11@{DIGEST}"),
        ("python:3.11", (f"docker.io/library/python@{DIGEST}",), f"python:3.11@{DIGEST}"),
        ("index.example:5000/a/b", (f"index.example:5000/a/b@{DIGEST}",), f"index.example:5000/a/b@{DIGEST}"),
        (f"python@{OTHER}", (f"python@{DIGEST}",), f"python@{OTHER}"),
    ],
)
def test_base_is_pinned_by_the_registry_that_it_names(
    name: str, digests: tuple[str, ...], expected: str, progress: Progress, told: list[str]
) -> None:
    """Another registry may hold the image under a digest that this one does not know."""
    engine = FakeEngine({name: digests})

    assert expected == _resolve_base(engine, name, progress)
    assert told == []


@pytest.mark.parametrize("digests", [(), (f"index.example/python@{OTHER}",)])
def test_base_that_its_registry_does_not_pin_is_warned_of(
    digests: tuple[str, ...], progress: Progress, told: list[str]
) -> None:
    """The tag alone stands in the Dockerfile then."""
    assert "python:3.11" == _resolve_base(FakeEngine({"python:3.11": digests}), "python:3.11", progress)
    assert [f"warning: {UNPINNED.format(name='python:3.11')}"] == told


def test_base_that_is_not_there_is_pulled(progress: Progress, told: list[str]) -> None:
    """The pull is a stage with live output."""
    engine = FakeEngine({})

    assert f"python:3.11@{DIGEST}" == _resolve_base(engine, "python:3.11", progress)
    assert ["python:3.11"] == engine.pulled
    assert ["stage: pulling python:3.11", "detail: pulled"] == told


@pytest.mark.processes
def test_projects_own_interpreter_serves_where_it_has_the_locked_version(
    project: Path, request_build: Callable[..., BuildResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that stands nowhere on PATH made the environment that was frozen; it can make the next."""
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    given: list[Path | None] = []

    def keep(*_arguments: object, own: Path | None, **_options: object) -> Path:
        given.append(own)
        return Path("/opt/bin/python")

    monkeypatch.setattr("envsnap.workflow.build.build_venv", keep)
    monkeypatch.setattr("envsnap.workflow.build.note_project", lambda *_arguments: None)
    monkeypatch.setattr("envsnap.workflow.build.prove_equal", lambda *_arguments: None)
    for said in ("CPython 3.11.7", "CPython 3.8.18", "PyPy 3.11.7", "3.11.7"):
        python.write_text(f"#!/bin/sh\necho {said}\n")
        request_build()

    assert [python, None, None, None] == given
