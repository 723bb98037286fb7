"""pyproject.toml and uv.lock: the project's own requirements, its extras and its groups."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uv

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.host.index.config import IndexConfig

pytestmark = pytest.mark.processes

PROJECT = """\
[project]
name = "mine"
version = "0"
requires-python = ">=3.8"
dependencies = ["alpha", "winonly; sys_platform == 'win32'"]

[project.optional-dependencies]
fast = ["gamma"]
all = ["mine[fast]"]

[dependency-groups]
test = ["native", {include-group = "base"}]
base = ["gamma<2"]
"""


def versions(resolved: Any) -> dict[str, str]:
    """Name and version of each package."""
    return {package.name: package.installed_version for package in resolved.packages}


def requested(resolved: Any) -> set[str]:
    """What the project names directly."""
    return {package.name for package in resolved.packages if package.installed.requested}


@pytest.fixture
def project(place: Any, served: Any, make_wheel: Any) -> Path:
    """A project on the index, which serves ``native`` for two Pythons."""
    this = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    for tag in (f"{this}-{this}-linux_x86_64", f"{this}-{this}-linux_aarch64", "cp37-cp37m-linux_x86_64"):
        make_wheel("native", "1.0", folder=served.folder, tag=tag)
    path: Path = place.write("pyproject.toml", PROJECT)
    return path


def lock(project: Path, index: Any) -> Path:
    """Let uv itself write uv.lock."""
    command = (uv.find_uv_bin(), "lock", "-q", "--default-index", index.url, "--python", sys.executable)
    subprocess.run(command, cwd=project.parent, check=True)
    return project.parent / "uv.lock"


def test_a_project_is_resolved_with_what_it_requires(project: Path, resolve: Any) -> None:
    """Neither extras nor groups without being asked."""
    found = resolve(project)

    assert {"alpha": "1.0", "beta": "2.0"} == versions(found)
    assert {"alpha"} == requested(found)


def test_extras_and_groups_bring_theirs(project: Path, resolve: Any) -> None:
    """An extra may name another, a group include one."""
    assert {"alpha", "gamma"} == requested(resolve(project, extras=("all",)))
    assert {"alpha", "gamma", "native"} == requested(resolve(project, groups=("test",)))


def test_a_lock_of_uv_is_read_as_it_is(project: Path, resolve: Any, served: Any, make_wheel: Any) -> None:
    """A newer release on the index changes nothing; of several wheels the one of this interpreter is taken."""
    path = lock(project, served)
    make_wheel("beta", "3.0", folder=served.folder)

    found = resolve(path, extras=("fast",), groups=("test",), machine=IndexConfig(no_index=True))

    assert {"alpha": "1.0", "beta": "2.0", "gamma": "1.0", "native": "1.0"} == versions(found)
    native = next(package for package in found.packages if package.name == "native")
    assert native.installed.tags[0].endswith(f"-linux_{__import__('platform').machine()}")
    assert {"index-verified"} == {package.installed.evidence for package in found.packages}
    assert {served.url} == {package.index for package in found.packages}
    assert {"alpha", "gamma", "native"} == requested(found)


@pytest.mark.parametrize("change", ['"alpha", "gamma"', '"alpha>=2"'])
def test_a_lock_of_uv_that_is_older_than_the_project_is_refused(
    change: str, project: Path, place: Any, resolve: Any, served: Any
) -> None:
    """It would lack a package, or hold another version, without a word."""
    path = lock(project, served)
    place.write("pyproject.toml", PROJECT.replace('"alpha"', change))

    with pytest.raises(
        CaptureError, match=r"is older than the project and does not hold (gamma|alpha>=2): run 'uv lock'"
    ):
        resolve(path)


def test_a_lock_is_read_offline_without_looking_into_wheels(project: Path, resolve: Any, served: Any) -> None:
    """Their hashes are known; their contents are not."""
    path = lock(project, served)
    served.asked.clear()

    found = resolve(path, offline=True)

    assert [] == served.asked
    assert {"index-inferred"} == {package.installed.evidence for package in found.packages}


def test_a_lock_of_uv_says_nothing_alone(place: Any, resolve: Any) -> None:
    """Only the project tells what of it is wanted."""
    with pytest.raises(InvalidFileError, match=r"without the pyproject\.toml beside it"):
        resolve(place.write("uv.lock", "version = 1\n"))


def test_an_index_of_the_project_serves_what_is_assigned_to_it(place: Any, resolve: Any, served: Any) -> None:
    """uv's own settings in the project count; a login comes from the variables that uv reads."""
    served.login = "someone:s3cret"
    text = PROJECT + (
        f'\n[[tool.uv.index]]\nname = "own"\nurl = "{served.url}"\ndefault = true\n'
        '\n[tool.uv.sources]\nalpha = { index = "own" }\n'
    )
    logins = {"UV_INDEX_OWN_USERNAME": "someone", "UV_INDEX_OWN_PASSWORD": "s3cret"}

    found = resolve(place.write("pyproject.toml", text), env=logins, machine=IndexConfig())

    assert {"alpha": "1.0", "beta": "2.0"} == versions(found)
    assert {"index-verified"} == {package.installed.evidence for package in found.packages}
    assert "s3cret" not in json.dumps([str(package) for package in found.packages])


def test_an_unknown_extra_or_group_is_named(project: Path, resolve: Any) -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match=r"--extra nope: .* has no such extra; it has all, fast"):
        resolve(project, extras=("nope",))
    with pytest.raises(UsageError, match=r"--group nope: .* has no such dependency group; it has base, test"):
        resolve(project, groups=("nope",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", r"pyproject\.toml: not valid TOML: .*line 1"),
        ("[tool.other]\n", r"there is no \[project\] table"),
        ("[project]\ndependencies = 'beta'\n", "Expected `array`, got `str` - at `project.dependencies`"),
        ("[project]\ndependencies = ['beta >>> 1']\n", "project.dependencies: 'beta >>> 1' is no requirement"),
        ("[project]\nrequires-python = 'three'\n", "project.requires-python"),
    ],
)
def test_a_project_that_is_none_is_refused_with_the_place(text: str, message: str, place: Any, resolve: Any) -> None:
    """Line or key."""
    with pytest.raises(InvalidFileError, match=message):
        resolve(place.write("pyproject.toml", text))


def test_groups_that_include_each_other_are_refused(place: Any, resolve: Any) -> None:
    """PEP 735 forbids it."""
    text = "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n"

    with pytest.raises(InvalidFileError, match=r"dependency-groups\.a: Cyclic"):
        resolve(place.write("pyproject.toml", text), groups=("a",))


def test_a_project_for_another_python_is_not_resolved(place: Any, resolve: Any) -> None:
    """The message names both."""
    with pytest.raises(CaptureError, match=r"for Python >=99, and the captured interpreter is 3\."):
        resolve(place.write("pyproject.toml", "[project]\nname = 'mine'\nrequires-python = '>=99'\n"))


def test_dependencies_that_only_a_build_tells_are_refused(place: Any, resolve: Any) -> None:
    """Nothing is built."""
    with pytest.raises(CaptureError, match="its dependencies are dynamic"):
        resolve(place.write("pyproject.toml", "[project]\nname = 'mine'\ndynamic = ['dependencies']\n"))


@pytest.mark.usefixtures("served")
def test_a_group_alone_needs_no_project(place: Any, resolve: Any) -> None:
    """As in a repository that is no package."""
    path = place.write("pyproject.toml", "[dependency-groups]\ntest = ['beta<2']\n")

    assert {"beta": "1.0"} == versions(resolve(path, groups=("test",)))
