"""Runs envsnap as a user does: as a process, on copies of the examples, with real environments."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The document that ``--json`` prints."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(frozen=True)
class Project:
    """A project folder in which envsnap commands run."""

    folder: Path
    python: Path

    def envsnap(self, *arguments: str, **env: str) -> Ended:
        """Run one command in the project."""
        command = [sys.executable, "-m", "envsnap", *arguments]
        kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "COLUMNS"}}
        done = subprocess.run(
            command, cwd=self.folder, env=kept | env, capture_output=True, text=True, timeout=900, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def freeze(self, *arguments: str, **env: str) -> Ended:
        """Freeze with the project's interpreter, and expect it to work."""
        done = self.envsnap("freeze", "--python", str(self.python), *arguments, **env)
        assert done.code == 0, done.err
        return done

    def lock(self) -> bytes:
        """The lock as it stands."""
        return (self.folder / "envsnap.lock").read_bytes()


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give a function that makes a virtual environment, without pip in it, from a requirements file."""
    made: dict[str, Path] = {}

    def make(requirements: Path) -> Path:
        wanted = requirements.read_text(encoding="utf-8")
        if wanted not in made:
            folder = tmp_path_factory.mktemp("environment") / "venv"
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
            pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--quiet"]
            subprocess.run([*pip, "install", "--requirement", str(requirements)], check=True)
            made[wanted] = folder / "bin" / "python"
        return made[wanted]

    return make


@pytest.fixture(scope="session")
def copy_example(
    tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path]
) -> Callable[[str], Project]:
    """Give a function that copies an example into a git repository of its own."""

    def copy(name: str) -> Project:
        folder = tmp_path_factory.mktemp(name) / name
        ignored = shutil.ignore_patterns(".envsnap", "envsnap.lock", "envsnap.baseline", "data", ".venv", "__pycache__")
        shutil.copytree(EXAMPLES / name, folder, ignore=ignored)
        author = ["-c", "user.name=test", "-c", "user.email=test@host.example"]
        commands: tuple[list[str], ...] = (
            ["init", "--quiet"],
            ["add", "--all"],
            [*author, "commit", "--quiet", "--message", "start"],
        )
        for command in commands:
            subprocess.run(["git", *command], cwd=folder, check=True)
        return Project(folder, make_environment(EXAMPLES / name / "requirements.txt"))

    return copy
