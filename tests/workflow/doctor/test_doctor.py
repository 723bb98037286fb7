"""This machine is asked for real, within a limit, and held against a lock; nothing is written."""

import os
import platform
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envsnap.errors import InvalidFileError, UsageError
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo, ImageInfo
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.checkup import Check, Checkup
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Datum, Job
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Baseline, BaselineOutput, Manifest
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.workflow.doctor import machine
from envsnap.workflow.doctor.doctor import examine_machine
from envsnap.workflow.doctor.machine import DoctorRequest
from envsnap.workflow.environments import remember_target
from envsnap.workflow.progress import Progress

pytestmark = pytest.mark.processes

HERE = Platform(system="Linux", arch=platform.machine(), libc="glibc", libc_version="2", distribution="d", kernel="6")
KEPT = Package(
    name="kept",
    version="1.0",
    wheels=(
        Artefact(
            name="kept-1.0-py3-none-any.whl",
            path=".envsnap/wheels/kept-1.0-py3-none-any.whl",
            hashes={"sha256": "ab" * 32},
            size=3,
        ),
    ),
    installed=InstalledRecord(
        tags=("py3-none-any",), evidence="local-file", content_digest="cd" * 32, location="{prefix}/lib"
    ),
)
BASELINE = Baseline(
    runs=2,
    folder="0123456789abcdef",
    bitwise_repeatable=False,
    observed=True,
    outputs=(BaselineOutput(path="m.json", format="json", sha256=("ab" * 32, "cd" * 32), size=2),),
)
Ask = Callable[..., Checkup]


class FakeEngine(Engine):
    """Holds the images that it is given, and closes without a word."""

    def __init__(self, *names: str) -> None:
        super().__init__(None, EngineInfo(address="unix:///fake.sock", version="27", podman=True), {})
        self._names = names

    def image(self, name: str) -> ImageInfo | None:
        """Know the given names."""
        known = name in self._names
        return ImageInfo(id="sha256:1", repo_digests=()) if known else None

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def ask(project: Path, progress: Progress) -> Ask:
    """Examine this machine for the project, without an engine unless one is put in its place."""

    def examine(env: dict[str, str] | None = None, **options: Any) -> Checkup:
        variables = {"DOCKER_HOST": f"unix://{project}/none.sock", "PATH": "/nowhere"} | (env or {})
        return examine_machine(DoctorRequest(folder=project, env=variables, **options), progress)

    return examine


@pytest.fixture
def lock(project: Path, make_manifest: Callable[..., Manifest]) -> Callable[..., Manifest]:
    """Write a lock of this machine's platform with these contents changed."""

    def write(**changes: Any) -> Manifest:
        made = make_manifest(**({"platform": HERE} | changes))
        (project / "envsnap.lock").write_text(dump_manifest(made), encoding="utf-8")
        return made

    return write


def engine_with(monkeypatch: pytest.MonkeyPatch, *images: str) -> None:
    """Let an engine with these images answer."""
    monkeypatch.setattr(Engine, "connect", lambda *_arguments, **_options: FakeEngine(*images))


def named(name: str, checkup: Checkup) -> Check:
    """Return the check of that name."""
    return next(check for check in checkup.checks if check.name == name)


def test_without_a_lock_the_machine_alone_is_looked_at(ask: Ask, project: Path) -> None:
    """An engine that does not answer is a warning; nothing is written."""
    checkup = ask()

    assert ("warn", "", "") == (checkup.status, checkup.lock, checkup.digest)
    assert {"container engine", "uv", "git", "disk", "GPU"} == {check.name for check in checkup.checks}
    assert "none.sock (no such socket)" in named("container engine", checkup).advice
    assert [] == list(project.iterdir())


def test_interpreter_of_the_locked_version_takes_the_engine_s_place(
    ask: Ask, lock: Callable[..., Manifest], project: Path
) -> None:
    """The one that runs these tests is found in the project, where uv may not look; the lock is named."""
    interpreter = Interpreter(
        implementation="cpython",
        version=platform.python_version(),
        build="",
        compiler="",
        soabi="cpython",
        provenance="uv",
    )
    made = lock(interpreter=interpreter)

    checkup = ask()

    assert ("envsnap.lock", made.snapshot.digest) == (checkup.lock, checkup.digest)
    assert ("warn", "ok") == (named("container engine", checkup).status, named("interpreter", checkup).status)
    assert {"envsnap.lock"} == {entry.name for entry in project.iterdir()}


def test_neither_engine_nor_interpreter_is_a_failure(ask: Ask, lock: Callable[..., Manifest]) -> None:
    """Nobody has a Python of version 3.8.99."""
    interpreter = Interpreter(
        implementation="cpython", version="3.8.99", build="", compiler="", soabi="cpython-38", provenance="uv"
    )
    lock(interpreter=interpreter)

    checkup = ask()

    assert "fail" == checkup.status
    assert ("fail", "fail") == (named("container engine", checkup).status, named("interpreter", checkup).status)


def test_engine_that_never_answers_does_not_hold_the_command(
    ask: Ask, silent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the question and is silent; the message says so."""
    monkeypatch.setattr(machine, "ENGINE_SECONDS", 0.2)
    started = time.monotonic()

    checkup = ask({"DOCKER_HOST": f"unix://{silent}"}, target="docker")

    assert "fail" == named("container engine", checkup).status
    assert "timed out" in named("container engine", checkup).advice
    assert time.monotonic() - started < 10


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """A socket that accepts, as any with a backlog does, and never answers."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)
        yield path


def test_images_are_looked_up(
    ask: Ask, lock: Callable[..., Manifest], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base image by the lock's name, the rebuilt one by that of the last build."""
    made = lock()
    base = "python:3.11.7-slim-bookworm"

    engine_with(monkeypatch)
    assert "warn" == named("base image", ask()).status
    engine_with(monkeypatch, base)
    assert ("ok", "here") == (named("base image", ask()).status, named("base image", ask()).found)
    engine_with(monkeypatch, "mine:1")
    remember_target(project, "docker", "mine:1", made)
    assert "not here; image mine:1 is built already" == named("base image", ask()).found


@pytest.mark.docker
def test_real_engine_is_described(ask: Ask, lock: Callable[..., Manifest], engine: Engine, python_image: str) -> None:
    """Version, API and builder; its own disk is looked at where it runs here."""
    lock(build=BuildSpec(base_image=python_image))

    checkup = ask({"DOCKER_HOST": engine.info.address, "PATH": os.environ["PATH"]}, target="docker")

    check = named("container engine", checkup)
    assert ("ok", True, True) == (check.status, engine.info.version in check.found, engine.info.api in check.found)
    assert "here" == named("base image", checkup).found
    assert ("images" in named("disk", checkup).found) == bool(engine.info.root)


def test_files_of_the_lock_are_looked_for(ask: Ask, lock: Callable[..., Manifest], project: Path) -> None:
    """Kept wheels, inputs and the baseline's outputs: those of later runs have no size on record."""
    lock(packages=(KEPT,), data=(Datum(path="in.csv", size=4, sha256="ab" * 32),), baseline=BASELINE)
    rows = ("kept wheels", "inputs", "baseline")
    before = ask()
    recorded = project / "envsnap.baseline" / BASELINE.folder
    for path, text in (
        (project / ".envsnap" / "wheels" / "kept-1.0-py3-none-any.whl", "abc"),
        (project / "in.csv", "1234"),
        (recorded / "run-1" / "m.json", "{}"),
        (recorded / "run-2" / "m.json", "{ }"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    after = ask()
    (project / "in.csv").write_text("123")

    assert ["fail"] * 3 == [named(name, before).status for name in rows]
    assert ["ok"] * 3 == [named(name, after).status for name in rows]
    assert "in.csv has 3 bytes, not 4" == named("inputs", ask()).found


def test_job_of_the_working_tree_counts(ask: Ask, lock: Callable[..., Manifest], job: Job, project: Path) -> None:
    """A variable that envsnap.toml asks for today is needed today."""
    lock(job=msgspec.structs.replace(job, pass_env=("OLD",)))
    settings = '[job]\ncommand = ["python", "train.py"]\npass-env = ["NEW"]\n[[job.outputs]]\npath = "metrics.json"\n'
    (project / "envsnap.toml").write_text(settings)

    assert "not set: NEW" == named("variables", ask({"OLD": "1"})).found
    assert "ok" == named("variables", ask({"NEW": "1"})).status


def test_hosts_are_asked_only_if_wanted(ask: Ask, lock: Callable[..., Manifest]) -> None:
    """A lock whose wheels no index serves has no host to ask."""
    lock(packages=(KEPT,))

    assert "package hosts" not in {check.name for check in ask().checks}
    assert "ok" == named("package hosts", ask(online=True)).status


def test_bad_locks_are_refused(ask: Ask, project: Path) -> None:
    """One that is named and not there, and one that is damaged, wherever it was found."""
    with pytest.raises(UsageError, match=r"there is no .*other\.lock"):
        ask(lock=project / "other.lock")
    (project / "envsnap.lock").write_text("nonsense = [")
    with pytest.raises(InvalidFileError, match=r"envsnap\.lock"):
        ask()
