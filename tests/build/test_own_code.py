"""The wheel of the project's own package: the same bytes each time, and importable wherever the project lies."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from small_manifest import manifest

from envsnap.build.own_code import with_own_code
from envsnap.errors import BuildError
from envsnap.inside.editable import BUILT, NOTE, PROJECT
from envsnap.inside.probe.record import content_digest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Directory, EditableSource, InstalledRecord, Package

SOURCE = EditableSource(
    roots=("src",),
    modules={"single": "odd/single", "whole": "odd/whole"},
    namespaces={"spread": ("odd/one", "odd/two")},
    metadata=("Metadata-Version: 2.4", "Name: model-kit", "Version: 1.0+here"),
    entry_points={"console_scripts": {"train": "kit:main"}, "plugins": {"a": "kit"}},
)
ASK = """
import kit, single, whole.inner, spread.first, spread.second
from importlib.metadata import entry_points, version
print(kit.X, single.X, whole.inner.X, spread.first.X, spread.second.X, version("model-kit"))
print([point.name for point in entry_points(group="plugins")])
"""


def own(source: EditableSource = SOURCE) -> Package:
    record = InstalledRecord(
        tags=(), evidence="working-tree", content_digest="", location="", version="1.0+here", editable_source=source
    )
    return Package(name="model-kit", installed=record, directory=Directory(path=".", editable=True))


@pytest.fixture
def lock() -> Manifest:
    """A lock with the package."""
    return manifest(own())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its source."""
    names = ("src/kit", "odd/single", "odd/whole/__init__", "odd/whole/inner", "odd/one/first", "odd/two/second")
    for number, name in enumerate(names):
        path = tmp_path / "project" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"X = {number}\n")
    return tmp_path / "project"


def unpacked(lock: Manifest, folder: Path) -> Path:
    """Install the wheel as far as its files go."""
    ((name, data),) = with_own_code(lock).wheels.items()
    (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / name) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def python(site: Path, code: str, **env: str) -> str:
    """Run Python with ``site`` as a folder of packages."""
    started = f"import site; site.addsitedir({str(site)!r})\n{code}"
    done = subprocess.run(
        (sys.executable, "-I", "-S", "-c", started), env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.processes
def test_modules_are_found_in_the_project(lock: Manifest, project: Path, tmp_path: Path) -> None:
    """By root, by name and by namespace; metadata and entry points are those of the lock."""
    found = python(unpacked(lock, tmp_path), ASK, **{PROJECT: str(project)})

    assert ["0 1 3 4 5 1.0+here", "['a']"] == found.splitlines()


@pytest.mark.processes
def test_without_a_project_the_environment_starts(lock: Manifest, tmp_path: Path) -> None:
    """An image that somebody starts by hand has none."""
    code = "import importlib.util; print(importlib.util.find_spec('kit'))"

    assert "None\n" == python(unpacked(lock, tmp_path), code)


def test_the_same_lock_gives_the_same_wheel(lock: Manifest, tmp_path: Path) -> None:
    """And its digest is what the environment will show."""
    first, second = with_own_code(lock), with_own_code(lock)
    (package,) = first.manifest.contents.packages
    record = (unpacked(lock, tmp_path) / "model_kit-1.0+here.dist-info" / "RECORD").read_text()

    assert first == second
    assert content_digest(record)[0] == package.expected_digest
    assert {"model_kit-1.0+here-py3-none-any.whl"} == set(first.wheels)


def test_other_wheels_are_copied_from_where_they_are(lock: Manifest, tmp_path: Path) -> None:
    """Its own it writes itself."""

    def refuse(wheel: Artefact, target: Path) -> None:
        raise BuildError(f"{wheel.name} for {target.name}")

    code = with_own_code(lock)
    (package,) = code.manifest.contents.packages
    assert package.wheel is not None

    code.copying(refuse)(package.wheel, tmp_path / "folder" / "a.whl")

    assert code.wheels[package.wheel.name] == (tmp_path / "folder" / "a.whl").read_bytes()
    with pytest.raises(BuildError, match="other"):
        code.copying(refuse)(Artefact(name="other.whl", hashes={}), tmp_path / "b.whl")


@pytest.mark.processes
def test_what_was_built_anew_comes_first_to_hand(project: Path, tmp_path: Path) -> None:
    """The source in the project is then not looked at."""
    lock = manifest(own(EditableSource(is_built=True, metadata=SOURCE.metadata)))
    (tmp_path / "built" / "model-kit").mkdir(parents=True)
    (tmp_path / "built" / "model-kit" / "kit.py").write_text("X = 'built'\n")
    variables = {PROJECT: str(project), BUILT: str(tmp_path / "built")}

    assert "built\n" == python(unpacked(lock, tmp_path), "import kit; print(kit.X)", **variables)


def test_the_note_of_an_environment_has_a_fixed_name() -> None:
    """A copy of the module in an environment that was built before looks for it."""
    assert "envsnap-project.txt" == NOTE
