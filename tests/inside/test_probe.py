"""The probe reads any CPython environment from inside, imports none of it, and stays readable to Python 3.8."""

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap.inside.probe import _probe_document, _probe_interpreter

PROBE = Path(str(_probe_document.__file__)).with_name("probe.py")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the search path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("script", sorted(PROBE.parent.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_inside_is_readable_to_python_3_8(script: Path) -> None:
    """A syntax error there would look like a broken environment."""
    ast.parse(script.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("script", sorted(PROBE.parent.glob("*.py")), ids=lambda path: path.name)
def test_the_probe_imports_nothing_but_the_standard_library_and_itself(script: Path) -> None:
    """It must start in an environment that has nothing installed."""
    own = {path.stem for path in PROBE.parent.glob("*.py")}
    tree = ast.parse(script.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    tops = {name.removeprefix("envsnap.inside.probe.").partition(".")[0] for name in names}

    assert tops <= sys.stdlib_module_names | own


@pytest.mark.processes
def test_the_document_follows_the_marker_on_one_line(root: Path) -> None:
    """Isolated from this process's packages, it starts and answers."""
    done = subprocess_probe(root)

    _, _, document = done.rpartition(f"\n{_probe_document.MARKER}\n")

    assert 1 == document.count("\n")
    assert sys.version.split()[0].rstrip("+") == json.loads(document)["interpreter"]["version"]


def subprocess_probe(root: Path) -> str:
    """Run the probe as a script, isolated."""
    command = (sys.executable, "-I", "-S", str(PROBE))
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_folder_counts_once_under_its_first_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``lib64`` is a link to ``lib`` in many virtual environments."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib"), str(tmp_path / "lib64"), str(PROBE.parent)])

    assert [str(tmp_path / "lib")] == _probe_interpreter.roots()


@pytest.mark.parametrize(
    ("text", "build", "compiler"),
    [
        ("3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]", "main, May  9 2026, 07:35:25", "GCC 12.2.0"),
        ("3.11.7 | packaged by conda-forge | (main, Dec 23 2023) \n[GCC 12.3.0]", "main, Dec 23 2023", "GCC 12.3.0"),
        ("odd", "", ""),
    ],
)
def test_builds_are_described(monkeypatch: pytest.MonkeyPatch, text: str, build: str, compiler: str) -> None:
    """conda-forge writes its name before the parenthesis."""
    monkeypatch.setattr(sys, "version", text)

    found = _probe_interpreter.interpreter()

    assert (build, compiler) == (found["build"], found["compiler"])
