"""A container image as an environment: what is asked of the engine, and what comes back."""

from pathlib import Path
from typing import Any

import pytest

from envsnap.environment import Environment, Execution
from envsnap.environment.container import ContainerEnvironment
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo
from envsnap.host.execution import Completed


class FakeEngine(Engine):
    """Keeps what it is asked, and answers with one result."""

    def __init__(self, result: Completed) -> None:
        super().__init__(None, EngineInfo(address="fake", version="0"), {})
        self.result = result
        self.asked: list[tuple[str, Execution]] = []

    def run(self, image: str, execution: Execution) -> Completed:
        """Run nothing."""
        self.asked.append((image, execution))
        return self.result


def test_execution_becomes_a_container_run(tmp_path: Path) -> None:
    """Everything that the execution asks for reaches the engine, and nothing else."""
    engine = FakeEngine(Completed(exit_code=3, stdout=b"o", stderr=b"e", seconds=1.5, timed_out=True))
    environment: Environment = ContainerEnvironment(engine, "sha256:1", "digits:1")
    asked: dict[str, Any] = {
        "argv": ("python", "job.py"),
        "workdir": tmp_path,
        "env": {"A": "1"},
        "read_only": (tmp_path / "r",),
        "writable": (tmp_path / "w",),
        "timeout": 9.0,
        "network": True,
        "gpus": 2,
        "shm_bytes": 7,
        "memlock_bytes": -1,
        "open_files": (8, 9),
        "on_output": print,
    }

    done = environment.execute(Execution(**asked))

    assert ("container digits:1", "python") == (environment.name, environment.python)
    assert [("sha256:1", Execution(**asked))] == engine.asked
    assert (3, b"o", b"e", 1.5, True) == (done.exit_code, done.stdout, done.stderr, done.seconds, done.timed_out)


def test_out_of_memory_is_said(tmp_path: Path) -> None:
    """Exit code 137 alone does not tell why."""
    lines: list[str] = []
    engine = FakeEngine(Completed(exit_code=137, stdout=b"", stderr=b"", seconds=1, out_of_memory=True))

    done = ContainerEnvironment(engine, "i", "i").execute(
        Execution(argv=("python",), workdir=tmp_path, on_output=lines.append)
    )

    assert b"ran out of memory" in done.stderr
    assert lines == [done.stderr.decode().strip()]


@pytest.mark.docker
def test_python_runs_in_the_image(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """The command sees the working folder under its own path."""
    (tmp_path / "job.py").write_text("import os, sys; print(sys.version_info[:3], os.getcwd())")

    done = ContainerEnvironment(engine, python_image, python_image).execute(
        Execution(argv=("python", "job.py"), workdir=tmp_path)
    )

    assert f"(3, 11, 7) {tmp_path}\n" == done.stdout.decode()
