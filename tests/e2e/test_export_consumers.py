"""What envsnap exports, programs that are not envsnap install, and the files are the frozen ones."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import uv
from packaging.pylock import Pylock

from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Manifest

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]
UV = uv.find_uv_bin()
REAL = ("click==8.1.8", "flit-core==3.12.0", "idna==3.10", "packaging==25.0")
TOOL = "pip>=26.1"
BACKEND = '[build-system]\nrequires = ["flit_core==3.12.0"]\nbuild-backend = "flit_core.buildapi"\n'


def run(*command: object, folder: Path | None = None) -> str:
    """Run a command to its end, and expect it to work."""
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real wheels."""
    folder = tmp_path_factory.mktemp("downloads")
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, *REAL, TOOL)
    return folder


@pytest.fixture
def pip(downloads: Path, tmp_path: Path) -> tuple[str, ...]:
    """A pip that reads pylock.toml: it installs into the interpreter that is named next."""
    wheel = next(downloads.glob("pip-*.whl"))
    run(UV, "venv", "-q", "--python", sys.executable, tmp_path / "tool")
    run(UV, "pip", "install", "-q", "--offline", "--python", tmp_path / "tool", wheel)
    return (str(tmp_path / "tool/bin/python"), "-m", "pip", "--disable-pip-version-check", "--python")


@pytest.fixture
def frozen(index: Any, downloads: Path, make_wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is frozen: from an index, a folder with wheels, an editable tree and a repository."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) and name != "UV_CACHE_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for wheel in downloads.glob("*.whl"):
        if not wheel.name.startswith("pip-"):
            (index.folder / wheel.name).symlink_to(wheel)
    project = tmp_path / "the project"
    source(tmp_path / "beside/editable", "edited")
    source(project / "trees/checkout", "committed")
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@host.example")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        run(*git, *command, folder=project / "trees/checkout")
    run(UV, "venv", "-q", "--python", sys.executable, project / ".venv")
    python = project / ".venv/bin/python"
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    install = (UV, "pip", "install", "-q", "--python", python)
    run(*install, *REAL, make_wheel("on-hand", "1.0+cpu"))
    run(*install, "--editable", tmp_path / "beside/editable", f"git+{(project / 'trees/checkout').as_uri()}")
    made = Project(project, python)
    made.freeze("--no-run")
    return made


def source(folder: Path, name: str) -> None:
    """Write a project that flit builds."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(f'{BACKEND}[project]\nname = "{name}"\nversion = "0.1"\ndescription = "d"\n')
    (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")


@pytest.fixture
def target(tmp_path: Path, frozen: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh virtual environment; no index is configured any more."""
    assert frozen.folder.is_dir()
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    run(UV, "venv", "-q", "--python", sys.executable, tmp_path / "fresh")
    return tmp_path / "fresh/bin/python"


def manifest(project: Project) -> Manifest:
    """The lock as it was written."""
    return parse_manifest(project.lock().decode(), source="envsnap.lock")[0]


def digests(python: Path) -> dict[str, str]:
    """The content digest of each package that is installed."""
    found = capture_environment(LocalEnvironment(python), python.parent.parent)
    return {package.name: package.record.content_digest for package in found.packages}


def expected(project: Project) -> dict[str, str]:
    """The content digest of each package that is locked."""
    return {package.name: package.expected_digest for package in manifest(project).contents.packages}


def export(project: Project, *arguments: object) -> None:
    """Export, and expect it to work."""
    done = project.envsnap("export", *map(str, arguments))
    assert done.code == 0, done.err


def test_what_is_exported_is_of_every_kind(frozen: Project) -> None:
    """Without this the tests below would prove less than they say."""
    packages = {package.name: package for package in manifest(frozen).contents.packages}

    assert {
        "click": "index-verified",
        "committed": "repacked",
        "edited": "repacked",
        "flit-core": "index-verified",
        "idna": "index-verified",
        "on-hand": "local-file",
        "packaging": "index-verified",
    } == {name: package.installed.evidence for name, package in packages.items()}
    assert (True, True) == (packages["committed"].vcs is not None, packages["edited"].directory is not None)
    assert all(expected(frozen).values())


def test_uv_syncs_the_pylock(frozen: Project, target: Path, tmp_path: Path) -> None:
    """Also from another folder: paths are relative to the file."""
    export(frozen, "pylock", "-o", tmp_path / "pylock.exported.toml")

    run(UV, "pip", "sync", "-q", "--python", target, tmp_path / "pylock.exported.toml", folder=tmp_path / "served")

    assert {"click", "committed", "edited", "flit-core", "idna", "on-hand", "packaging"} == digests(target).keys()
    assert expected(frozen) == digests(target)
    Pylock.from_dict(tomllib.loads((tmp_path / "pylock.exported.toml").read_text())).validate()


def test_pip_installs_the_pylock(frozen: Project, target: Path, pip: tuple[str, ...], tmp_path: Path) -> None:
    """A file beside the lock, read from elsewhere."""
    export(frozen, "pylock", "-o", ".")

    run(*pip, target, "install", "-q", "-r", frozen.folder / "pylock.toml", folder=tmp_path)

    assert expected(frozen) == digests(target)


@pytest.mark.parametrize("beside", [True, False], ids=["beside the lock", "elsewhere"])
def test_pip_installs_the_requirements(
    frozen: Project, target: Path, pip: tuple[str, ...], index: Any, tmp_path: Path, *, beside: bool
) -> None:
    """With the index that the reader is configured with."""
    file = (frozen.folder if beside else frozen.folder / "trees") / "requirements.txt"
    export(frozen, "requirements", "-o", file)

    run(*pip, target, "install", "-q", "--index-url", index.url, "--require-hashes", "-r", file, folder=tmp_path)

    assert expected(frozen) == digests(target)


def test_uv_syncs_the_requirements(frozen: Project, target: Path, index: Any, tmp_path: Path) -> None:
    """uv reads the same lines."""
    export(frozen, "requirements", "-o", frozen.folder / "requirements.txt")

    sync = (UV, "pip", "sync", "-q", "--require-hashes", "--default-index", index.url, "--python", target)
    run(*sync, frozen.folder / "requirements.txt", folder=tmp_path)

    assert expected(frozen) == digests(target)


def test_pip_installs_the_pip_section_of_environment_yml(
    frozen: Project, target: Path, pip: tuple[str, ...], index: Any
) -> None:
    """As conda does: the lines become a requirements file, and pip is started in the folder of environment.yml."""
    import yaml

    export(frozen, "environment.yml", "-o", frozen.folder / "environment.yml")
    document = yaml.safe_load((frozen.folder / "environment.yml").read_text())
    (frozen.folder / "condaenv.txt").write_text("\n".join(document["dependencies"][-1]["pip"]))

    run(*pip, target, "install", "-q", "--index-url", index.url, "-r", "condaenv.txt", folder=frozen.folder)

    assert ["python", "pip"] == [item.partition("=")[0] for item in document["dependencies"][:-1]]
    assert expected(frozen) == digests(target)


def test_cyclonedx_holds_every_package_and_is_valid(frozen: Project) -> None:
    """By the standard's own schema; twice the same bytes."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    first, second = (frozen.envsnap("export", "cyclonedx").out for _ in range(2))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(first) is None
    assert first == second
    names = {component["name"] for component in json.loads(first)["components"] if component["type"] == "library"}
    assert names >= expected(frozen).keys()


def test_an_index_that_was_added_serves_what_it_served(
    frozen: Project, target: Path, pip: tuple[str, ...], index: Any, tmp_path: Path
) -> None:
    """Nothing is configured where the file is read; the main index here is an empty folder."""
    (tmp_path / "empty").mkdir()
    empty = (tmp_path / "empty").as_uri()
    frozen.freeze("--no-run", UV_DEFAULT_INDEX=empty, UV_INDEX=index.url)
    export(frozen, "requirements", "-o", frozen.folder / "requirements.txt")

    install = (*pip, target, "install", "-q", "--index-url", empty, "--no-deps", "--require-hashes")
    run(*install, "-r", frozen.folder / "requirements.txt", folder=tmp_path)

    assert expected(frozen) == digests(target)


def test_no_login_of_an_index_is_exported(frozen: Project, index: Any) -> None:
    """Nor is it told while that is done."""
    index.login = "someone:s3cr3t-word"
    host = index.url.partition("://")[2]
    shutil.rmtree(frozen.folder / ".envsnap")
    frozen.freeze("--no-run", UV_DEFAULT_INDEX=f"http://{index.login}@{host}")

    done = [
        frozen.envsnap("export", wanted, "-v") for wanted in ("pylock", "requirements", "environment.yml", "cyclonedx")
    ]

    assert "index-verified" in frozen.lock().decode()
    assert [0] * 4 == [one.code for one in done]
    assert not [one for one in done if "s3cr3t-word" in one.out + one.err or "someone" in one.out + one.err]
    assert all(host.partition("/")[0] in one.out for one in done[:2])
