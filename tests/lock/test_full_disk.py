"""A disk that is full ends a freeze with the package's and the file's name, and nothing is left half there."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

ROOM = 200_000
"""The largest file, in bytes, that the freeze may write; a limit of the process stands for a disk that is full."""


def freeze(project: Path, venv: Any, **variables: str) -> subprocess.CompletedProcess[str]:
    """Freeze with little room."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        (sys.executable, "-m", "envsnap", "freeze", "--no-run", "--project", str(project), "--python", venv.python),
        env=env | {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "PYTHONDONTWRITEBYTECODE": "1", **variables},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way", ["repacked", "fetched"])
def test_no_room_for_a_wheel(index: Any, venv: Any, make_wheel: Any, tmp_path: Path, way: str) -> None:
    """Whether it is packed here or fetched to be proven; the former lock stays."""
    wheel = make_wheel("demo", "1.0", {"demo.py": "#" * 2 * ROOM}, folder=index.folder)
    venv.install_from(index, "demo")
    project = tmp_path / "project"
    project.mkdir()
    (project / "envsnap.lock").write_text("# Written by envsnap freeze. Commit it, review it, do not edit it.\n")
    if way == "repacked":
        wheel.unlink()
    index.ranges = False

    done = freeze(project, venv, UV_DEFAULT_INDEX=index.url, UV_NO_CACHE="1")

    assert 4 == done.returncode, done.stderr
    assert "demo-1.0-py3-none-any.whl cannot be kept: File too large" in done.stderr.replace("\n", " ")
    assert 1 == (project / "envsnap.lock").read_text().count("\n")
    assert [] == [path for path in (project / ".envsnap").rglob("*") if path.suffix in {".whl", ".part"}]
