"""Each run starts from the same project and leaves it as it was: jobs that inherit, resume, refuse and count up."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

CACHE = """
import json, os
if not os.path.exists("cache.json"):
    json.dump(int.from_bytes(os.urandom(4), "big") / 2**32, open("cache.json", "w"))
json.dump({"loss": json.load(open("cache.json"))}, open("metrics.json", "w"))
"""
RESUME = """
import json, os
step = json.load(open("last.ckpt")) if os.path.exists("last.ckpt") else 0
step += 3
json.dump(step, open("last.ckpt", "w"))
json.dump({"step": step, "loss": 1 / step}, open("metrics.json", "w"))
"""
REFUSE = """
import json, os
os.mkdir("results")
json.dump({"loss": 0.25}, open("results/metrics.json", "w"))
"""
VERSIONS = """
import json, os
number = 0
while os.path.exists(f"logs/version_{number}"):
    number += 1
os.makedirs(f"logs/version_{number}")
json.dump({"loss": 0.25}, open(f"logs/version_{number}/metrics.json", "w"))
"""
SHELL = """
test ! -e cache && mkdir cache && echo kept > cache/x
printf '{"loss": 0.25, "zone": "%s"}' "$TZ" > metrics.json
rm notes.txt
"""
REPEATS = "every output matches the baseline (bit for bit)"


@dataclass(frozen=True)
class Case:
    """A job, its output, what freeze says of it, and what verify says; nothing where chance decides between two."""

    script: str
    output: str = "metrics.json"
    command: str = "python"
    told: str = ""
    verdict: str = REPEATS


CASES = {
    "cache": Case(CACHE, told="metrics.json is not the same in all runs: loss", verdict=""),
    "resume": Case(RESUME),
    "refuse": Case(REFUSE, output="results/metrics.json"),
    "versions": Case(VERSIONS, output="logs/version_0/metrics.json"),
    "shell": Case(SHELL, command="sh"),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """One of the jobs."""
    return CASES[request.param]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path], case: Case) -> Project:
    """A repository with the job, and a file of the user's that git ignores."""
    folder = tmp_path_factory.mktemp("runs") / "project"
    folder.mkdir()
    files = {
        "requirements.txt": "",
        "job": case.script,
        "notes.txt": "the user's own\n",
        ".gitignore": "notes.txt\n*.ckpt\ncache*\n",
        "envsnap.toml": f"""
            [job]
            command = ["{case.command}", "job"]
            runs = 3
            [[job.outputs]]
            path = "{case.output}"
            format = "json"
        """,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return Project(folder, make_environment(folder / "requirements.txt"))


@pytest.fixture(scope="module")
def frozen(project: Project, case: Case) -> Project:
    """Frozen twice: the second one starts where the first one left its outputs."""
    before = state(project)
    for _ in range(2):
        done = project.freeze()
        assert f"leaving the outputs of the last run in the project: {case.output}" in done.err
        assert case.told in done.err
    assert before == {path: text for path, text in state(project).items() if path != case.output}
    return project


@pytest.fixture(scope="module", params=["venv", pytest.param("docker", marks=pytest.mark.docker)])
def target(request: pytest.FixtureRequest, frozen: Project) -> Iterator[str]:
    """The rebuilt environment."""
    name: str = request.param
    done = frozen.envsnap("build", "--target", name, "--json")
    assert done.code == 0, done.err
    yield name
    if name == "docker":
        with Engine.connect() as engine:
            engine.remove_unused_image(done.envelope["result"]["reference"])


def test_each_run_starts_from_the_same_project(frozen: Project, target: str, case: Case) -> None:
    """The verdict is right twice, and git's status and the ignored files are as before."""
    before = state(frozen)
    verified = [frozen.envsnap("verify", "--target", target) for _ in range(2)]

    assert before == state(frozen)
    for done in verified:
        if case.verdict:
            assert (done.code, case.verdict in done.out) == (0, True), done.out + done.err
        else:
            assert done.code in {1, 3}, done.out + done.err


def state(project: Project) -> dict[str, bytes]:
    """Every file of the project but the lock and envsnap's own, with its bytes."""
    own = {".git", ".envsnap", "envsnap.baseline", "envsnap.lock"}
    files = (path for path in project.folder.rglob("*") if path.is_file())
    named = {str(path.relative_to(project.folder)): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if name.split("/")[0] not in own}
