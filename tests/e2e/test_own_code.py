"""A changed line of the project's own package is judged by its numbers, however the package was installed."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

BACKENDS = {  # "finder": in flat layout, where setuptools finds modules by name
    "setuptools": ('["setuptools>=64"]', "setuptools.build_meta"),
    "hatchling": ('["hatchling"]', "hatchling.build"),
    "finder": ('["setuptools>=64"]', "setuptools.build_meta"),
    "uv": ('["uv_build"]', "uv_build"),
}
TRAIN = """
import json
from importlib.metadata import version
import modelkit
from modelkit.rates import RATE

def main():
    json.dump({"loss": 1 - RATE, "version": version("modelkit")}, open("metrics.json", "w"))

if __name__ == "__main__":
    main()
"""
EXTENSION = """
#include <Python.h>
static PyObject *rate(PyObject *self, PyObject *args) { return PyFloat_FromDouble(0.5); }
static PyMethodDef methods[] = {{"rate", rate, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""
SETTINGS = """
[job]
command = ["{command}"]
[[job.outputs]]
path = "metrics.json"
"""
PASSES = "every output matches the baseline (bit for bit)"


def pyproject(backend: str) -> str:
    requires, name = BACKENDS[backend]
    return (
        f'[build-system]\nrequires = {requires}\nbuild-backend = "{name}"\n'
        '[project]\nname = "modelkit"\nversion = "1.2"\ndescription = "x"\nrequires-python = ">=3.9"\n'
        '[project.scripts]\ntrain-kit = "modelkit.train:main"\n'
        + ('[tool.setuptools]\npackages = ["modelkit"]\n' if backend == "finder" else "")
    )


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder: Path) -> None:
    author = ("-c", "user.name=test", "-c", "user.email=test@host.example")
    for command in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "start")):
        subprocess.run(("git", *command), cwd=folder, check=True)


def install(project: Path, *trees: Path) -> Path:
    """Make an environment in the project, with the trees installed editable; return its interpreter."""
    python = project / ".venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project / ".venv")], check=True)
    editable = [word for tree in trees for word in ("--editable", str(tree))]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "--quiet", "install", *editable], check=True)
    return python


def source_project(folder: Path, backend: str) -> Project:
    """A project with a package, in src layout or in flat layout, installed editable."""
    source = "" if backend == "finder" else "src/"
    write(
        folder,
        {
            "pyproject.toml": pyproject(backend),
            f"{source}modelkit/__init__.py": "",
            f"{source}modelkit/rates.py": "RATE = 0.5\n",
            f"{source}modelkit/train.py": TRAIN,
            "envsnap.toml": SETTINGS.format(command="train-kit"),
            ".gitignore": ".venv/\n__pycache__/\n*.egg-info/\n*.so\nbuild/\n/metrics.json\n",
        },
    )
    commit(folder)
    return Project(folder, install(folder, folder))


def change(path: Path) -> None:
    path.write_text(path.read_text().replace("0.5", "0.75"))


@pytest.fixture(params=["venv", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def images() -> Iterator[list[str]]:
    """References of images, which are removed at the end."""
    built: list[str] = []
    yield built
    for name in built:
        with Engine.connect() as engine:
            engine.remove_unused_image(name)


def build(project: Project, target: str, images: list[str]) -> None:
    done = project.envsnap("build", "--target", target, "--json")
    assert done.code == 0, done.err
    images += [done.envelope["result"]["reference"]] if target == "docker" else []


@pytest.mark.parametrize("backend", BACKENDS)
def test_changed_line_of_the_own_package_fails_with_its_name(tmp_path: Path, backend: str) -> None:
    """Unchanged it passes; committed or not, the note names the file."""
    project = source_project(tmp_path / "project", backend)
    project.freeze()
    build(project, "venv", [])
    unchanged = project.envsnap("verify")
    (rates,) = project.folder.glob("**/modelkit/rates.py")
    change(rates)
    changed = project.envsnap("verify")
    commit(project.folder)
    committed = project.envsnap("verify")

    assert (0, True) == (unchanged.code, PASSES in unchanged.out), unchanged.out + unchanged.err
    for done in (changed, committed):
        assert done.code == 1, done.out + done.err
        assert "modelkit/rates.py changed" in done.out.replace("\n", " ")


def test_a_fresh_clone_rebuilds_it(tmp_path: Path) -> None:
    """Nothing that only the freezing machine has is needed, and the new place is the one that counts."""
    project = source_project(tmp_path / "project", "setuptools")
    project.freeze()
    commit(project.folder)
    subprocess.run(("git", "clone", "--quiet", str(project.folder), str(tmp_path / "clone")), check=True)
    clone = Project(tmp_path / "clone", project.python)
    build(clone, "venv", [])
    change(clone.folder / "src/modelkit/rates.py")
    changed = clone.envsnap("verify")
    change(project.folder / "src/modelkit/rates.py")
    subprocess.run(("git", "checkout", "--quiet", "."), cwd=clone.folder, check=True)
    unchanged = clone.envsnap("verify")

    assert (1, 0) == (changed.code, unchanged.code), changed.out + unchanged.out + unchanged.err


def test_extension_module_is_built_anew(tmp_path: Path, target: str, images: list[str]) -> None:
    """A stale one in the working tree would hide a changed line of its source."""
    folder = tmp_path / "project"
    setup = (
        'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("modelkit._core", ["src/core.c"])])\n'
    )
    write(
        folder,
        {
            "setup.py": setup,
            "src/core.c": EXTENSION,
            "run.py": "import json\nfrom modelkit import _core\n"
            'json.dump({"loss": _core.rate()}, open("metrics.json", "w"))\n',
        },
    )
    project = source_project(folder, "setuptools")
    (folder / "envsnap.toml").write_text(SETTINGS.format(command='python", "run.py'))
    project.freeze()
    build(project, target, images)
    unchanged = project.envsnap("verify")
    change(folder / "src/core.c")
    changed = project.envsnap("verify")
    (folder / "src/core.c").write_text("no C\n")
    broken = project.envsnap("verify")

    assert (0, 1, 5) == (unchanged.code, changed.code, broken.code), unchanged.out + unchanged.err + changed.out
    assert "src/core.c changed" in changed.out.replace("\n", " ")
    assert "modelkit runs from what is built of the working tree" in broken.err


def test_code_beside_the_project_comes_along(tmp_path: Path, target: str, images: list[str]) -> None:
    """A job in a monorepo that imports and reads from two folders up, beside a library that is installed editable."""
    top, folder = tmp_path / "top", tmp_path / "top" / "jobs" / "a"
    job = (
        "import json, sys\nsys.path.insert(0, '../..')\n"
        "from common.scale import SCALE\nfrom modelkit.rates import RATE\n"
        "n = json.load(open('../../settings/base.json'))\n"
        "json.dump({'loss': SCALE * RATE * n}, open('metrics.json', 'w'))\n"
    )
    write(
        top,
        {
            "common/__init__.py": "",
            "common/scale.py": "SCALE = 0.5\n",
            "common/other.py": "X = 1\n",
            "settings/base.json": "3",
            "library/pyproject.toml": pyproject("uv"),
            "library/src/modelkit/__init__.py": "",
            "library/src/modelkit/rates.py": "RATE = 0.5\n",
            "jobs/a/job.py": job,
            "jobs/a/envsnap.toml": SETTINGS.format(command='python", "job.py'),
            ".gitignore": ".venv/\n__pycache__/\n/metrics.json\n",
        },
    )
    commit(top)
    project = Project(folder, install(folder, top / "library"))
    project.freeze()
    build(project, target, images)
    unchanged = project.envsnap("verify")
    change(top / "common/scale.py")
    imported = project.envsnap("verify")
    subprocess.run(("git", "checkout", "--quiet", "."), cwd=top, check=True)
    change(top / "library/src/modelkit/rates.py")
    installed = project.envsnap("verify")

    assert (0, 1, 1) == (unchanged.code, imported.code, installed.code), unchanged.out + unchanged.err + installed.err
    assert "common/scale.py changed" in imported.out.replace("\n", " ")
    assert "library/src/modelkit/rates.py changed" in installed.out.replace("\n", " ")


def test_without_version_control_the_note_names_the_file(tmp_path: Path) -> None:
    """The lock then holds the digests of the source files that were imported."""
    project = source_project(tmp_path / "project", "setuptools")
    (project.folder / ".git").rename(tmp_path / "former")
    project.freeze(GIT_CEILING_DIRECTORIES=str(tmp_path))
    build(project, "venv", [])
    change(project.folder / "src/modelkit/rates.py")
    changed = project.envsnap("verify", GIT_CEILING_DIRECTORIES=str(tmp_path))

    assert changed.code == 1, changed.out + changed.err
    assert "the code is not the locked one: src/modelkit/rates.py changed" in changed.out.replace("\n", " ")


def test_a_profile_of_own_code_is_frozen_beside_the_job(tmp_path: Path) -> None:
    """The package counts as the same by its version, and what either job used beside the project is kept."""
    top, folder = tmp_path / "top", tmp_path / "top" / "job"
    job = (
        "import json, sys\nfrom modelkit.rates import RATE\n"
        "read = json.load(open(f'../settings/{sys.argv[1]}.json'))\n"
        "json.dump({'loss': RATE * read}, open('metrics.json', 'w'))\n"
    )
    profile = '[job.profiles.smoke]\ncommand = ["python", "job.py", "smoke"]\n'
    write(
        top,
        {
            "settings/whole.json": "3",
            "settings/smoke.json": "4",
            "library/pyproject.toml": pyproject("uv"),
            "library/src/modelkit/__init__.py": "",
            "library/src/modelkit/rates.py": "RATE = 0.5\n",
            "job/job.py": job,
            "job/envsnap.toml": SETTINGS.format(command='python", "job.py", "whole') + profile,
            ".gitignore": ".venv/\n__pycache__/\n/job/metrics.json\n",
        },
    )
    commit(top)
    project = Project(folder, install(folder, top / "library"))
    project.freeze()
    project.freeze("--profile", "smoke")
    build(project, "venv", [])
    verified = [project.envsnap("verify"), project.envsnap("verify", "--profile", "smoke")]

    assert [0, 0] == [done.code for done in verified], verified
    lock = tomllib.loads(project.lock().decode())
    assert ["../library/src/modelkit", "../settings/smoke.json", "../settings/whole.json"] == lock["code"]["beside"]
