"""Jobs that pass without computing anything do not pass: the answer is not there for them, and the end is the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

SETTINGS = """
[job]
command = ["python", "train.py"]
inputs = []

[[job.outputs]]
path = "metrics.json"
format = "json"
"""
TRAIN = """
import glob, os, shutil, time
OUTPUT, HONEST, WRONG = "metrics.json", '{"loss": 0.25}', '{"loss": 9.0}'

def answers():
    return [path for path in glob.glob("envsnap.baseline/*/run-*/metrics.json")]

def write(text, path=OUTPUT):
    with open(path, "w") as file:
        file.write(text)

def leave_a_child():
    write(WRONG)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(1), os.close(2)
            time.sleep(1)
            write(HONEST)
        os._exit(0)

def overwrite():
    write(WRONG)
    for path in answers():
        write(WRONG, path)

mode = open("mode").read()
if mode == "honest":
    write(HONEST)
elif mode == "child":
    leave_a_child()
elif mode == "overwrite":
    overwrite()
else:
    write(WRONG)
    for path in answers():
        os.remove(OUTPUT)
        {"symlink": os.symlink, "hardlink": os.link, "copy": shutil.copy}[mode](os.path.abspath(path), OUTPUT)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path]) -> Iterator[Project]:
    """A frozen project whose job does what the file ``mode`` says."""
    folder = tmp_path_factory.mktemp("cheats") / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("")
    (folder / "envsnap.toml").write_text(SETTINGS)
    (folder / "train.py").write_text(TRAIN)
    (folder / "mode").write_text("honest")
    project = Project(folder, make_environment(folder / "requirements.txt"))
    project.freeze()
    yield project
    with Engine.connect() as engine:
        for name in engine.image_names():
            if name.startswith("envsnap/project:"):
                engine.remove_unused_image(name)


@pytest.fixture(scope="module", params=["venv", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest, project: Project) -> str:
    """The rebuilt environment that the job runs in."""
    name: str = request.param
    done = project.envsnap("build", "--target", name)
    assert done.code == 0, done.err
    return name


@pytest.mark.parametrize("mode", ["overwrite", "symlink", "hardlink", "copy", "child"])
def test_a_job_that_computes_nothing_fails(project: Project, target: str, mode: str) -> None:
    """Whatever it makes of the baseline, or lets a child do after the end; the next honest run passes."""
    (project.folder / "mode").write_text(mode)
    cheated = project.envsnap("verify", "--target", target)
    (project.folder / "mode").write_text("honest")
    honest = project.envsnap("verify", "--target", target)

    assert cheated.code in {1, 6}, cheated.out + cheated.err
    assert honest.code == 0, honest.err
