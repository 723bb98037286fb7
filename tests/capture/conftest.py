"""Real environments: virtual ones, and wheels to install into them."""

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from conda_channel import Place, distribution


class MakeVenv(Protocol):
    def __call__(self, *options: str, name: str = "venv") -> Place: ...


@pytest.fixture
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeVenv:
    """Make a virtual environment with the standard library, without pip."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def make(*options: str, name: str = "venv") -> Place:
        command = (sys.executable, "-m", "venv", "--without-pip", *options, str(tmp_path / name))
        subprocess.run(command, check=True)
        return Place(tmp_path / name)

    return make


class MakeWheel(Protocol):
    def __call__(self, name: str, version: str, files: Mapping[str, str] | None = None) -> Path: ...


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Make a small real wheel; by default it holds one module that tells its version."""

    def make(name: str, version: str, files: Mapping[str, str] | None = None) -> Path:
        path = tmp_path / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for inner, text in distribution(name, version, files).items():
                archive.writestr(inner, text)
        return path

    return make
