"""A local interpreter runs with few variables, and as the environment that it belongs to."""

import os
import sys
from pathlib import Path

import pytest

from envsnap.environment import Environment, Execution
from envsnap.environment.local import LocalEnvironment, visible_gpus
from envsnap.errors import MissingToolError

HERE = Path(sys.executable)


def test_it_is_an_environment() -> None:
    """The interpreter's path is kept as given."""
    environment: Environment = LocalEnvironment(HERE)

    assert str(HERE) == environment.python
    assert f"interpreter {HERE}" == environment.name


def test_only_declared_variables_reach_the_command(tmp_path: Path) -> None:
    """Proxies, tokens and PYTHONPATH of the caller stay outside."""
    caller = {"PATH": os.defpath, "HOME": "/h", "TZ": "UTC", "HTTPS_PROXY": "p", "TOKEN": "t", "PYTHONPATH": "x"}
    environment = LocalEnvironment(Path("/opt/p/bin/python3"), caller=caller)

    done = environment.execute(Execution(argv=("env",), workdir=tmp_path, env={"A": "1"}, gpus="all"))

    expected = {"A=1", "HOME=/h", "LANG=C.UTF-8", f"PATH=/opt/p/bin:{os.defpath}", "TZ=UTC"}
    assert expected == set(done.stdout.decode().split())


@pytest.mark.parametrize("command", ["python", "python3"])
def test_python_is_this_interpreter(tmp_path: Path, command: str) -> None:
    """A folder that has only python3.11 still serves ``python``; the link is not resolved."""
    link = tmp_path / "venv" / "bin" / "python3.11"
    link.parent.mkdir(parents=True)
    link.symlink_to(HERE)
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {HERE.resolve().parent}\n")
    code = "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'])"

    done = LocalEnvironment(link).execute(Execution(argv=(command, "-c", code), workdir=tmp_path))

    assert [str(tmp_path / "venv")] * 2 == done.stdout.decode().split()


def test_conda_prefix_is_named(tmp_path: Path) -> None:
    """A conda environment finds its own data through CONDA_PREFIX."""
    (tmp_path / "conda-meta").mkdir()
    environment = LocalEnvironment(tmp_path / "bin" / "python", caller={"PATH": os.defpath})

    done = environment.execute(Execution(argv=("sh", "-c", "echo $CONDA_PREFIX"), workdir=tmp_path))

    assert str(tmp_path) == done.stdout.decode().strip()


def test_timeout_is_reported(tmp_path: Path) -> None:
    """A command over its time is ended and says so."""
    done = LocalEnvironment(HERE).execute(Execution(argv=("sleep", "60"), workdir=tmp_path, timeout=0.2))

    assert done.timed_out


def test_command_relative_to_the_working_folder(tmp_path: Path) -> None:
    """A command with a slash is a path, not looked up."""
    (tmp_path / "job.sh").write_text("#!/bin/sh\necho here\n")
    (tmp_path / "job.sh").chmod(0o755)

    done = LocalEnvironment(HERE).execute(Execution(argv=("./job.sh",), workdir=tmp_path))

    assert b"here\n" == done.stdout


def test_missing_command_is_named(tmp_path: Path) -> None:
    """The message names the command and the environment."""
    with pytest.raises(MissingToolError, match="'no-such-tool' was not found for the interpreter"):
        LocalEnvironment(HERE).execute(Execution(argv=("no-such-tool",), workdir=tmp_path))


@pytest.mark.parametrize(
    ("gpus", "caller", "expected"),
    [
        ("all", {"CUDA_VISIBLE_DEVICES": "1"}, {}),
        ("none", {"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_VISIBLE_DEVICES": ""}),
        (0, {}, {"CUDA_VISIBLE_DEVICES": ""}),
        (2, {}, {"CUDA_VISIBLE_DEVICES": "0,1"}),
        (2, {"CUDA_VISIBLE_DEVICES": "GPU-a,3,5"}, {"CUDA_VISIBLE_DEVICES": "GPU-a,3"}),
    ],
)
def test_gpus_are_shown_as_asked(gpus: str | int, caller: dict[str, str], expected: dict[str, str]) -> None:
    """A number takes the first of the GPUs that the caller sees."""
    assert expected == visible_gpus(gpus, caller)
