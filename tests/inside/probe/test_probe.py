"""The probe reads any CPython environment from inside and answers in one document."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap import inside
from envsnap.inside.probe.document import MARKER
from envsnap.inside.probe.interpreter import interpreter, roots


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


@pytest.mark.processes
def test_the_document_follows_the_marker_on_one_line(root: Path) -> None:
    """Isolated from this process's packages, it starts and answers."""
    done = subprocess_probe(root)

    _, _, document = done.rpartition(f"\n{MARKER}\n")

    assert 1 == document.count("\n")
    assert sys.version.split()[0].rstrip("+") == json.loads(document)["interpreter"]["version"]


def subprocess_probe(root: Path) -> str:
    """Run the probe as a script, isolated."""
    command = (sys.executable, "-I", "-S", inside.START, "probe.py")
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_folder_counts_once_under_its_first_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``lib64`` is a link to ``lib`` in many virtual environments."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib"), str(tmp_path / "lib64")])

    assert [str(tmp_path / "lib")] == roots()


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

    found = interpreter()

    assert (build, compiler) == (found["build"], found["compiler"])
