"""Which editable installations are the project's own code, and what each way of installing adds to the source."""

import subprocess
from pathlib import Path

import pytest

from envsnap.errors import CaptureError
from envsnap.lock.own_code import is_own_code, read_editable_source
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import InstalledRecord, Package

METADATA = """Metadata-Version: 2.4
Name: model-kit
Version: 1.0
Summary: long
Requires-Dist: numpy>=1;
 python_version > "3"

A description: with a colon.
"""
FINDER = """
from __future__ import annotations
MAPPING: dict[str, str] = {{'kit': {kit!r}, 'single': {single!r}}}
NAMESPACES: dict[str, list[str]] = {{'spread': [{kit!r}]}}
def install(): pass
"""
EDITABLES = """
from editables.redirector import RedirectingFinder as F
F.install()
F.map_module('kit', {init!r})
F.map_module('single', {file!r})
"""


def git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=t", "-c", "user.email=t@host.example", "-c", "protocol.file.allow=always")
    subprocess.run(("git", *author, *arguments), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the folders ``jobs/a`` and ``library``."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    top = tmp_path / "top"
    for name in ("jobs/a", "library"):
        (top / name).mkdir(parents=True)
        (top / name / "file.py").touch()
    git(top, "init", "--quiet")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "one")
    return top


@pytest.mark.processes
def test_what_the_repository_holds_is_code(repository: Path) -> None:
    """Beside the project's folder too; a checkout of its own, and what is ignored, are not."""
    project = repository / "jobs" / "a"
    (repository / ".gitignore").write_text("vendored/\n")
    (repository / "vendored").mkdir()
    (project / "checkout").mkdir()
    git(project / "checkout", "init", "--quiet")

    found = {
        name: is_own_code(place, project)
        for name, place in {
            "project": project,
            "library": repository / "library",
            "vendored": repository / "vendored",
            "checkout": project / "checkout",
            "elsewhere": repository.parent,
        }.items()
    }

    assert {"project": True, "library": True, "vendored": False, "checkout": False, "elsewhere": False} == found


@pytest.mark.processes
def test_submodule_is_code(repository: Path) -> None:
    """The project's commit pins it."""
    git(repository, "submodule", "--quiet", "add", str(repository), "inner")

    assert is_own_code(repository / "inner" / "library", repository / "jobs" / "a")


@pytest.mark.processes
def test_without_version_control_the_projects_folder_is_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "project" / "library").mkdir(parents=True)

    assert is_own_code(tmp_path / "project" / "library", tmp_path / "project")
    assert not is_own_code(tmp_path, tmp_path / "project")


def installed(tree: Path, files: dict[str, str], *, tags: tuple[str, ...] = ("py3-none-any",)) -> InstalledPackage:
    """Write an editable installation of ``tree`` beside it."""
    site = tree.parent / "site"
    info = site / "model_kit-1.0.dist-info"
    info.mkdir(parents=True)
    texts = {f"{info.name}/METADATA": METADATA, **files}
    for name, text in texts.items():
        (site / name).write_text(text)
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in texts))
    record = InstalledRecord(tags=tags, evidence="none", content_digest="", location="", editable=True)
    package = Package(name="model-kit", version="1.0", installed=record)
    return InstalledPackage(package=package, root=str(site), folder=info.name)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree."""
    (tmp_path / "tree" / "src").mkdir(parents=True)
    return tmp_path / "tree"


def test_folder_of_a_pth_file_becomes_a_root(tree: Path) -> None:
    """Relative to the project; entry points and the metadata that programs ask for come along."""
    entry_points = "[console_scripts]\nTrain = kit.main:main\n\n[group.x]\nb = m\na = n\n"
    files = {"kit.pth": f"# x\n{tree}/src\n", "model_kit-1.0.dist-info/entry_points.txt": entry_points}

    source = read_editable_source(installed(tree, files), tree, tree.parent)

    assert (("tree/src",), False) == (source.roots, source.is_built)
    assert {"console_scripts": {"Train": "kit.main:main"}, "group.x": {"a": "n", "b": "m"}} == source.entry_points
    assert (
        "Metadata-Version: 2.4",
        "Name: model-kit",
        "Version: 1.0",
        'Requires-Dist: numpy>=1; python_version > "3"',
    ) == source.metadata


@pytest.mark.parametrize("finder", ["setuptools", "editables"])
def test_finder_becomes_a_list_of_modules(tree: Path, finder: str) -> None:
    """Read as text: it is never run."""
    kit, single = f"{tree}/kit", f"{tree}/single"
    text = {
        "setuptools": FINDER.format(kit=kit, single=single),
        "editables": EDITABLES.format(init=f"{kit}/__init__.py", file=f"{single}.py"),
    }[finder]
    files = {"kit.pth": "import _finder; _finder.install()\n", "_finder.py": text + "\nraise SystemExit\n"}

    source = read_editable_source(installed(tree, files), tree, tree.parent)

    assert {"kit": "tree/kit", "single": "tree/single"} == source.modules
    assert ({"spread": ("tree/kit",)} if finder == "setuptools" else {}) == source.namespaces
    assert ((), False) == (source.roots, source.is_built)


def test_extension_modules_and_unknown_finders_are_built_anew(tree: Path) -> None:
    """Where its modules are, only the build backend knows."""
    own = installed(tree, {"kit.pth": "import _loader\n", "_loader.py": "install({'kit': compute()})\n"})
    source = read_editable_source(own, tree, tree.parent)
    (tree.parent / "site").rename(tree.parent / "former")
    compiled = installed(tree, {"kit.pth": f"{tree}/src\n"}, tags=("cp311-cp311-linux_x86_64",))

    assert (True, (), {}) == (source.is_built, source.roots, source.modules)
    assert read_editable_source(compiled, tree, tree.parent).is_built


def test_an_installation_that_reaches_outside_of_its_tree_is_refused(tree: Path) -> None:
    """It would be no part of the repository."""
    with pytest.raises(CaptureError, match="imports from /usr/lib, outside of"):
        read_editable_source(installed(tree, {"kit.pth": "/usr/lib\n"}), tree, tree.parent)
