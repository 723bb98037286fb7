"""The distribution's packages are those that own what the job loaded."""

import shutil
from pathlib import Path

import pytest

from envsnap.capture import system
from envsnap.capture.system import capture_system
from envsnap.host.process import ProcessResult
from envsnap.manifest.observation import LoadedLibrary
from envsnap.manifest.system import SystemPackage


def library(path: str) -> LoadedLibrary:
    """Return a library that a job had loaded."""
    return LoadedLibrary(name=Path(path).name, path=path, family="runtime")


ANSWERS = {
    "--search": "diversion by x from: /lib/libc.so.6\nlibc6:amd64: /lib/libc.so.6\na, b:amd64: /usr/lib/b.so\n",
    "--show": "libc6\t2.36\tamd64\na\t1:2.0-1\tamd64\nlibc6\t2.36\tamd64\n",
}


def test_all_owners_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two questions, however many libraries; diversions own nothing, and what lies in the environment is not asked."""
    asked: list[tuple[str, ...]] = []

    def answer(argv: tuple[str, ...], **_options: object) -> ProcessResult:
        asked.append(argv)
        return ProcessResult(exit_code=1, stdout=ANSWERS[argv[1]].encode(), stderr=b"", seconds=0.0)

    monkeypatch.setattr(system, "run", answer)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/dpkg-query")

    found = capture_system([library("/usr/lib/b.so"), library("/lib/libc.so.6"), library("{prefix}/lib/x.so")])

    assert found is not None
    assert [
        SystemPackage(manager="dpkg", name="a", version="1:2.0-1", arch="amd64"),
        SystemPackage(manager="dpkg", name="libc6", version="2.36", arch="amd64"),
    ] == list(found.packages)
    assert ["--search", "--show"] == [argv[1] for argv in asked]
    assert {"a", "b:amd64", "libc6:amd64"} == set(asked[1][3:])
    assert not [argument for argv in asked for argument in argv if "{prefix}" in argument]


def test_without_dpkg_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another distribution's manager is not guessed at."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    assert capture_system([library("/lib/libc.so.6")]) is None


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="dpkg-query is missing")
def test_the_c_library_of_this_machine_has_an_owner() -> None:
    """Whichever of its paths the job had it by."""
    paths = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc.so.6" in line}

    found = capture_system([library(path) for path in paths])

    assert found is not None
    assert ["libc6"] == [package.name for package in found.packages]
