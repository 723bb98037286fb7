"""The toolkit is the one whose nvcc answers, wherever it stands; one that does not answer is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envsnap.inside.probe import toolkit

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _no_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolkit, "DEFAULT", str(tmp_path / "no-cuda"))


def write(path: Path, text: str, mode: int = 0o755) -> None:
    """Write a script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


NVCC = "#!/bin/sh\necho 'Cuda compilation tools, release 12.4, V12.4.131'\n"


@pytest.mark.parametrize(
    ("script", "mode", "expected"),
    [
        (NVCC, 0o755, "12.4"),
        ("#!/bin/sh\nexit 1\n", 0o755, ""),
        (NVCC + "exit 1\n", 0o755, ""),
        ("not for this machine", 0o755, ""),
        (NVCC, 0o644, ""),
    ],
)
def test_the_toolkit_is_nvccs(tmp_path: Path, script: str, mode: int, expected: str) -> None:
    """One that is built for another machine, fails or cannot be executed is none."""
    write(tmp_path / "bin/nvcc", script, mode)

    assert expected == toolkit.toolkit({"PATH": f"/nonexistent::{tmp_path / 'bin'}"})


@pytest.mark.parametrize("variable", ["CUDA_HOME", "CUDA_PATH"])
def test_a_toolkit_off_the_path_is_found(tmp_path: Path, variable: str) -> None:
    """One on PATH that is damaged hides it no more than one that is missing."""
    write(tmp_path / "cuda/bin/nvcc", NVCC)
    write(tmp_path / "bin/nvcc", "damaged")

    assert "12.4" == toolkit.toolkit({"PATH": str(tmp_path / "bin"), variable: str(tmp_path / "cuda")})


def test_a_silent_nvcc_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture must end."""
    monkeypatch.setattr(toolkit, "ANSWER_SECONDS", 0.5)
    write(tmp_path / "bin/nvcc", "#!/bin/sh\nexec sleep 60\n")

    assert "" == toolkit.toolkit({"PATH": f"{tmp_path / 'bin'}:/usr/bin"})


def test_a_real_toolkit_names_its_release() -> None:
    """What nvcc itself says is the oracle."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("nvcc is missing")
    said = subprocess.run((nvcc, "--version"), capture_output=True, text=True, check=True).stdout

    assert f"release {toolkit.toolkit(os.environ)}," in said
