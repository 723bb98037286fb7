"""The lock names the system's packages that the environment and the job need, and what is not there."""

import shutil
import subprocess
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.system import MOST_FINDINGS, CapturedSystem, capture_system
from envsnap.environment import Completed, Environment, Execution
from envsnap.environment.container import ContainerEnvironment
from envsnap.environment.local import LocalEnvironment
from envsnap.host.container.engine import Engine
from envsnap.inside.probe.document import MARKER
from envsnap.manifest.finding import KINDS, UncapturedFact
from envsnap.manifest.observation import LoadedLibrary

pytestmark = pytest.mark.processes

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="dpkg-query is missing")


class CountingEnvironment:
    """A local environment that notes what it executes, or answers in its place."""

    def __init__(self, python: Path, answer: Completed | None = None) -> None:
        self._local, self._answer = LocalEnvironment(python), answer
        self.executed: list[Execution] = []

    @property
    def name(self) -> str:
        """The interpreter's."""
        return self._local.name

    @property
    def python(self) -> str:
        """The interpreter's."""
        return self._local.python

    def execute(self, execution: Execution) -> Completed:
        """Note it, and run it or answer."""
        self.executed.append(execution)
        return self._answer or self._local.execute(execution)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of a new virtual environment."""
    venv.create(tmp_path / "venv", symlinks=True)
    return tmp_path / "venv/bin/python"


@pytest.fixture
def captured(python: Path, tmp_path: Path) -> CapturedEnvironment:
    """What the probe found there."""
    return capture_environment(LocalEnvironment(python), tmp_path)


@pytest.fixture
def ask(captured: CapturedEnvironment, tmp_path: Path) -> Callable[..., CapturedSystem]:
    """Capture the system of an environment, with one cache for the whole test."""

    def capture(environment: Environment, *loaded: str, found: CapturedEnvironment = captured) -> CapturedSystem:
        libraries = [LoadedLibrary(name=Path(path).name, path=path, family="runtime") for path in loaded]
        return capture_system(environment, tmp_path, found, tmp_path / "cache/system.json", libraries)

    return capture


def site_of(python: Path) -> Path:
    """Return the environment's site-packages."""
    (site,) = (python.parents[1] / "lib").glob("python*/site-packages")
    return site


def plant(python: Path, name: str, *rows: str) -> Path:
    """Install a distribution whose RECORD names these files; return site-packages."""
    folder = site_of(python) / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    (folder / "RECORD").write_text("".join(f"{row},sha256=x,1\n" for row in rows))
    return folder.parent


def compile_library(target: Path, *options: str) -> Path:
    """Compile an empty shared library."""
    command = ("gcc", "-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed", "-o", str(target), "-x", "c", "/dev/null")
    subprocess.run((*command, "-x", "none", *options), check=True)
    return target


def libc() -> str:
    """Return the path of this process's C library."""
    return next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc.so.6" in line)


@needs_dpkg
def test_the_interpreters_own_needs_have_owners(python: Path, ask: Callable[..., CapturedSystem]) -> None:
    """Version and architecture are what dpkg says; the library says why the package is listed."""
    found = ask(LocalEnvironment(python))
    assert found.system is not None
    (package,) = (package for package in found.system.packages if package.name == "libc6")
    form = "--showformat=${Version} ${Architecture}"
    shown = subprocess.run(("dpkg-query", "-W", form, "libc6"), capture_output=True, text=True, check=True)

    assert shown.stdout.split() == [package.version, package.arch]
    assert "libc.so.6" in package.libraries
    assert ((), ()) == (found.findings, found.not_captured)


@needs_dpkg
def test_what_the_job_loaded_has_an_owner(
    python: Path, captured: CapturedEnvironment, ask: Callable[..., CapturedSystem]
) -> None:
    """By its path; a placeholder stands for a folder of the environment, and what no package owns is named so."""
    moved = replace(captured, base_prefix=Path("/opt"))
    tool = str(shutil.which("dpkg-query"))

    found = ask(LocalEnvironment(python), tool, "{base}/lib/libmine.so", found=moved).system

    assert found is not None
    assert [("dpkg-query",)] == [package.libraries for package in found.packages if package.name == "dpkg"]
    assert "/opt/lib/libmine.so" in found.unowned


@needs_gcc
def test_a_missing_library_is_a_finding_that_says_who_needs_it(
    python: Path, tmp_path: Path, ask: Callable[..., CapturedSystem]
) -> None:
    """One for each name; a file that is no library is one too, relative to the environment."""
    gone = compile_library(tmp_path / "libgone.so.1", "-Wl,-soname,libgone.so.1")
    site = plant(python, "demo", "_ext.so", "text.so")
    compile_library(site / "_ext.so", str(gone))
    (site / "text.so").write_text("hello")

    found = ask(LocalEnvironment(python)).findings

    assert [
        ("missing-library", "libgone.so.1"),
        ("unreadable", "{prefix}/" + str(site.relative_to(python.parents[1]))),
    ] == [(finding.kind, finding.subject.removesuffix("/text.so")) for finding in found]
    assert "demo (_ext.so)" in found[0].detail
    assert {finding.kind for finding in found} <= KINDS.keys()


def test_many_findings_are_counted(python: Path, ask: Callable[..., CapturedSystem]) -> None:
    """The lock stays readable."""
    names = [f"text{number:03}.so" for number in range(MOST_FINDINGS + 5)]
    site = plant(python, "demo", *names)
    for name in names:
        (site / name).write_text("hello")

    found = ask(LocalEnvironment(python)).findings

    assert MOST_FINDINGS + 1 == len(found)
    assert found[-1].detail.startswith("5 more")


def test_an_answer_is_kept_until_something_changes(
    python: Path, tmp_path: Path, ask: Callable[..., CapturedSystem]
) -> None:
    """Nothing is started for the same question; another package, another loaded library ask anew."""
    environment = CountingEnvironment(python)
    first, again = ask(environment), ask(environment)
    after_two = len(environment.executed)
    plant(python, "demo", "x.py")
    ask(environment, found=capture_environment(LocalEnvironment(python), tmp_path))
    ask(environment, libc())

    assert first == again
    assert 1 == after_two
    assert 3 == len(environment.executed)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"version": 1, "answers": {"x": 3}}', b'{"version": 99, "answers": {}}']
)
def test_a_damaged_cache_is_as_good_as_none(
    python: Path, tmp_path: Path, ask: Callable[..., CapturedSystem], damage: bytes
) -> None:
    """It is asked again, and the cache is sound afterwards."""
    environment = CountingEnvironment(python)
    first = ask(environment)
    (tmp_path / "cache/system.json").write_bytes(damage)

    assert first == ask(environment) == ask(environment)
    assert 2 == len(environment.executed)


@pytest.mark.parametrize(
    ("exit_code", "stdout", "reason"),
    [(1, b"", "exit code 1"), (137, b"", "SIGKILL"), (0, b"hello", "no answer"), (0, b"\n%s\n{}\n", "missing")],
)
def test_a_search_that_fails_is_not_captured(
    python: Path, ask: Callable[..., CapturedSystem], exit_code: int, stdout: bytes, reason: str
) -> None:
    """The rest of the lock is sound without it; nothing is kept, and the next freeze asks again."""
    answer = Completed(exit_code=exit_code, stdout=stdout.replace(b"%s", MARKER.encode()), stderr=b"", seconds=0.0)
    found = ask(CountingEnvironment(python, answer))
    (problem,) = found.not_captured

    assert found.system is None
    assert "system packages" == problem.what
    assert reason in problem.reason


def test_without_a_package_manager_the_libraries_are_nobodys(
    python: Path, ask: Callable[..., CapturedSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the reason stands in the lock."""
    monkeypatch.setenv("PATH", "/nowhere")

    found = ask(LocalEnvironment(python))

    assert found.system is not None
    assert () == found.system.packages
    assert "libc.so.6" in {Path(path).name for path in found.system.unowned}
    assert (
        UncapturedFact(what="system packages", reason="there is no dpkg, rpm or apk that knows who owns a file"),
    ) == found.not_captured


@pytest.mark.docker
def test_a_container_is_asked_from_inside(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """Its own package manager answers, for its own interpreter; envsnap is not installed there."""
    environment = ContainerEnvironment(engine, python_image, python_image)
    captured = capture_environment(environment, tmp_path)

    found = capture_system(environment, tmp_path, captured, tmp_path / "cache/system.json")

    assert found.system is not None
    assert "libc.so.6" in {name for package in found.system.packages for name in package.libraries}
    assert () == found.not_captured
