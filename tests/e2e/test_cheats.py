"""Jobs that pass without computing anything do not pass: the answer is not there for them, and the end is the end."""

import subprocess
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

def try_out_digests():
    import hashlib, tomllib
    try:
        wanted = tomllib.load(open("envsnap.lock", "rb"))["baseline"]["outputs"][0]["sha256"]
    except OSError:
        return write(WRONG)
    texts = ['{"loss": %.2f}' % (number / 100) for number in range(100)]
    write(next(text for text in texts if hashlib.sha256(text.encode()).hexdigest() in wanted))

def reach_for_the_host():
    reached = [path for path in (".envsnap/build.json", ".envsnap/cache", "envsnap.baseline") if os.path.exists(path)]
    reached += [path for path in glob.glob(".envsnap/runs/*/*") if not path.endswith("/reports")]
    reached += [path for path in glob.glob("*.lock")]
    for path in (".git/config", ".git/hooks/post-checkout", "envsnap.toml", ".git/x"):
        try:
            with open(path, "a") as file:
                file.write("# hostile")
            reached.append(path)
        except OSError:
            pass
    for path in (".git", "envsnap.toml"):
        try:
            os.rename(path, "moved")
            reached.append(path)
        except OSError:
            pass
    write(HONEST if not reached else '{"reached": "%s"}' % " ".join(reached))

def lead_elsewhere(victim, *places):
    for place in places:
        (shutil.rmtree if os.path.isdir(place) else os.path.exists)(place)
        os.symlink(victim, place)
    write(HONEST)

mode = open("mode").read()
if mode == "honest":
    write(HONEST)
elif mode == "child":
    leave_a_child()
elif mode == "overwrite":
    overwrite()
elif mode.startswith("links"):
    lead_elsewhere(*mode.split()[1:])
elif mode == "digest":
    try_out_digests()
elif mode == "host":
    reach_for_the_host()
else:
    write(WRONG)
    for path in answers():
        os.remove(OUTPUT)
        {"symlink": os.symlink, "hardlink": os.link, "copy": shutil.copy}[mode](os.path.abspath(path), OUTPUT)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path]) -> Project:
    """A frozen project whose job does what the file ``mode`` says."""
    folder = tmp_path_factory.mktemp("cheats") / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("")
    (folder / "envsnap.toml").write_text(SETTINGS)
    (folder / "train.py").write_text(TRAIN)
    (folder / "mode").write_text("honest")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    project = Project(folder, make_environment(folder / "requirements.txt"))
    project.freeze()
    return project


@pytest.fixture(scope="module")
def image(project: Project) -> Iterator[str]:
    """Its image, which is removed at the end."""
    done = project.envsnap("build", "--target", "docker", "--json")
    assert done.code == 0, done.err
    reference: str = done.envelope["result"]["reference"]
    yield reference
    with Engine.connect() as engine:
        engine.remove_unused_image(reference)


@pytest.fixture(scope="module", params=["venv", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest, project: Project) -> str:
    """The rebuilt environment that the job runs in."""
    name: str = request.param
    if name == "docker":
        request.getfixturevalue("image")
    else:
        done = project.envsnap("build", "--target", name)
        assert done.code == 0, done.err
    return name


@pytest.mark.parametrize("mode", ["overwrite", "symlink", "hardlink", "copy", "child", "digest"])
def test_a_job_that_computes_nothing_fails(project: Project, target: str, mode: str) -> None:
    """Whatever it makes of the baseline, or lets a child do after the end; the next honest run passes."""
    (project.folder / "mode").write_text(mode)
    cheated = project.envsnap("verify", "--target", target)
    (project.folder / "mode").write_text("honest")
    honest = project.envsnap("verify", "--target", target)

    assert cheated.code in {1, 6}, cheated.out + cheated.err
    assert honest.code == 0, honest.err


@pytest.mark.docker
@pytest.mark.usefixtures("image")
def test_a_contained_job_reaches_nothing_that_the_host_reads_or_runs(project: Project) -> None:
    """Neither git's configuration and hooks, nor the settings, the lock, the baseline and envsnap's own notes."""
    guarded = [project.folder / name for name in (".git/config", "envsnap.toml", "envsnap.lock", ".envsnap/build.json")]
    before = [path.read_bytes() for path in guarded]
    (project.folder / "mode").write_text("host")

    verified = project.envsnap("verify", "--target", "docker")

    (project.folder / "mode").write_text("honest")
    assert verified.code == 0, verified.out + verified.err
    assert before == [path.read_bytes() for path in guarded]
    assert not (project.folder / ".git/hooks/post-checkout").exists()
    assert project.envsnap("verify", "--target", "docker").code == 0


@pytest.mark.docker
@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("place", "more", "code"),
    [
        (".envsnap", "", 6),
        (".envsnap/runs", ".envsnap/build.json", 6),
        ("envsnap.baseline", "", 6),
        (".envsnap/reports", "", 0),
    ],
)
def test_a_link_in_the_place_of_what_is_envsnaps_leads_nowhere(
    project: Project, tmp_path: Path, place: str, more: str, code: int
) -> None:
    """The folder that it leads to is neither read, filled nor emptied, in the same command and the next."""
    (tmp_path / "observed-1-1.json").write_text("{}")
    (project.folder / "mode").write_text(f"links {tmp_path} {place} {more}")

    hostile = project.envsnap("verify", "--target", "docker")

    (project.folder / "mode").write_text("honest")
    assert (code, code == 6) == (hostile.code, place in hostile.err), hostile.out + hostile.err
    assert project.envsnap("verify", "--target", "docker").code == 0
    assert ["observed-1-1.json"] == [path.name for path in tmp_path.iterdir()]
