"""An environment's answer becomes facts: noise is no answer, and what is doubtful is reported."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uv

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.interpreter import ProbedInterpreter, provenance
from envsnap.environment import Completed, Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.inside.probe._probe_document import MARKER
from envsnap.manifest.model import convert

SITE = "/venv/lib/python3.11/site-packages"
INTERPRETER = {
    "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
    "executable": "/venv/bin/python", "prefix": "/venv", "base-prefix": "/usr", "conda": False, "venv": True,
    "uv": False, "path": [SITE],
}  # fmt: skip
PLATFORM = {
    "system": "Linux",
    "arch": "x86_64",
    "libc": "glibc",
    "libc-version": "2.36",
    "distribution": "d",
    "kernel": "6",
}


class FakeEnvironment:
    """Answers the probe with a given text."""

    name = "interpreter /venv/bin/python"
    python = "/venv/bin/python"

    def __init__(self, stdout: str, *, exit_code: int = 0, stderr: str = "") -> None:
        self.answer = Completed(exit_code=exit_code, stdout=stdout.encode(), stderr=stderr.encode(), seconds=0.0)

    def execute(self, execution: Execution) -> Completed:
        """Answer; the probe must be readable there."""
        assert Path(execution.argv[1]).parent in execution.read_only
        return self.answer


def document(*packages: dict[str, Any], **interpreter: Any) -> str:
    """Return what the probe prints."""
    found = {"interpreter": INTERPRETER | interpreter, "platform": PLATFORM}
    return f"\n{MARKER}\n" + json.dumps(found | {"packages": packages, "conda": []}) + "\n"


def package(folder: str, *, root: str = SITE, **fields: Any) -> dict[str, Any]:
    """Return a distribution as the probe describes it."""
    name, _, version = folder.removesuffix(".dist-info").rpartition("-")
    return {"name": name, "version": version, "root": root, "folder": folder} | fields


def capture(text: str, **options: Any) -> CapturedEnvironment:
    """Capture an environment that prints ``text``."""
    return capture_environment(FakeEnvironment(text, **options), Path("/work"))


def test_noise_around_the_answer_does_not_count() -> None:
    """A ``sitecustomize`` prints before, an exit handler after; a package may even hold the marker in its metadata."""
    noise = f"{MARKER} is what a .pth file printed\n"
    text = noise + document(package("a-1.dist-info", **{"direct-url": f'{{"x": "\n{MARKER}\n"}}'})) + "bye\n"

    assert ["a"] == [item.name for item in capture(text).packages]


@pytest.mark.parametrize(
    ("prefix", "marks", "expected"),
    [
        ("/opt/conda", {"conda": True}, "conda"),
        ("/home/u/.pyenv/versions/3.11.7", {}, "pyenv"),
        ("/srv/pythons/3.11.7", {"pyenv": True}, "pyenv"),
        ("/home/u/.local/share/uv/python/cpython-3.11", {}, "uv"),
        ("/opt/python", {"standalone": True}, "uv"),
        ("/usr", {}, "system"),
        ("/usr/local", {}, "local"),
        ("/usr/local", {"container": True}, "image"),
        ("/opt/python", {}, "unknown"),
    ],
)
def test_provenance_is_told_from_marks_and_folder(prefix: str, marks: dict[str, bool], expected: str) -> None:
    """It says where to get such an interpreter again."""
    probed = convert(INTERPRETER | {"base-prefix": prefix} | marks, ProbedInterpreter, source="test")

    assert expected == provenance(probed)


Make = Callable[..., Path]


@pytest.fixture
def make_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a real virtual environment without pip, with uv or with the standard library."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    def make(tool: str, *options: str) -> Path:
        folder = tmp_path / "venv"
        with_uv = (uv.find_uv_bin(), "venv", "-q", "--python", sys.executable)
        command = with_uv if tool == "uv" else (sys.executable, "-m", "venv", "--without-pip")
        subprocess.run((*command, *options, str(folder)), check=True)
        return folder

    return make


@pytest.mark.processes
@pytest.mark.parametrize("tool", ["uv", "venv"])
def test_a_real_environment_without_pip(make_venv: Make, tmp_path: Path, tool: str) -> None:
    """Nothing is installed, something prints at its start and at its end, and the probe's folder is not its own."""
    folder = make_venv(tool)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "noise.pth").write_text("import atexit; print('noise'); atexit.register(print, 'more noise')\n")

    found = capture_environment(LocalEnvironment(folder / "bin" / "python"), tmp_path)

    assert sys.version.split()[0].rstrip("+") == found.interpreter.version
    assert [] == [item.name for item in found.packages if item.root == str(site)]
    assert (folder, Path(sys.base_prefix)) == (found.prefix, found.base_prefix)
