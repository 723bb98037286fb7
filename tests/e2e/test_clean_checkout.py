"""A checkout of a frozen project: verify alone comes to a verdict, for it builds first; the second one does not."""

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine
from envsnap.workflow.build_first import BUILDS_FIRST
from envsnap.workflow.environments import last_builds

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

TRAIN = """
import json, random
weight = random.random()
with open("metrics.jsonl", "w") as log:
    for step in range(20):
        loss = (weight - 0.5) ** 2
        log.write(json.dumps({"step": step, "loss": loss}) + "\\n")
        weight -= 0.2 * (weight - 0.5)
json.dump({"loss": loss}, open("final.json", "w"))
print("final loss", loss)
"""
SETTINGS = """
[job]
command = ["python", "train.py"]
seed = 7
[[job.outputs]]
path = "metrics.jsonl"
[[job.outputs]]
path = "final.json"
"""
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@host.example")
NAMES = {"docker": "container", "venv": "interpreter"}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, and return what it prints."""
    done = subprocess.run(["git", *AUTHOR, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[[Path], Path]) -> Project:
    """A repository with the job, its lock and its baseline committed."""
    folder = tmp_path_factory.mktemp("checkout") / "origin"
    folder.mkdir()
    files = {
        "requirements.txt": "",
        "train.py": TRAIN,
        "envsnap.toml": SETTINGS,
        ".gitignore": "/metrics.jsonl\n/final.json\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the job")
    project = Project(folder, make_environment(folder / "requirements.txt"))
    project.freeze()
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the numbers")
    return project


@pytest.fixture
def clone(frozen: Project, tmp_path: Path) -> Iterator[Project]:
    """A clone, in which nothing was ever built; an image of it is removed at the end."""
    git(tmp_path, "clone", "--quiet", str(frozen.folder), "clone")
    project = Project(tmp_path / "clone", frozen.python)
    yield project
    images = [one.reference for one in last_builds(project.folder) if one.target == "docker"]
    for image in images:
        with Engine.connect() as engine:
            engine.remove_unused_image(image)


@pytest.mark.parametrize("target", ["venv", pytest.param("docker", marks=pytest.mark.docker)])
def test_verify_alone_builds_once(clone: Project, target: str) -> None:
    """--no-build refuses; the second verify takes what the first one built, whatever it was."""
    refused = clone.envsnap("verify", "--target", target, "--no-build")
    first = clone.envsnap("verify", "--target", target, "--json")
    second = clone.envsnap("verify", "--json")

    assert 5 == refused.code, refused.err
    assert "run 'envsnap build" in refused.err
    assert [0, 0] == [first.code, second.code], first.err
    assert [True, False] == [BUILDS_FIRST in done.err for done in (first, second)]
    results = [done.envelope["result"] for done in (first, second)]
    assert [True, False] == [result["built"] for result in results]
    assert results[0]["environment"] == results[1]["environment"]
    assert results[0]["environment"].startswith(NAMES[target])


def test_environment_of_a_former_lock_is_built_anew(clone: Project) -> None:
    """It stands at the same place; one that was changed by hand after it was built is an error, as ever."""
    assert 0 == clone.envsnap("verify", "--target", "venv").code
    settings = clone.folder / "envsnap.toml"
    settings.write_text(settings.read_text().replace("seed = 7", "seed = 8"))
    clone.freeze()
    rebuilt = clone.envsnap("verify")
    shelf = next((clone.folder / ".envsnap" / "venv" / "lib").glob("python*")) / "site-packages" / "extra-1.0.dist-info"
    shelf.mkdir()
    (shelf / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    differs = clone.envsnap("verify")

    assert (0, True) == (rebuilt.code, BUILDS_FIRST in rebuilt.err)
    assert (5, False) == (differs.code, BUILDS_FIRST in differs.err)
    assert "Build it again with 'envsnap build'" in differs.err


def test_bundle_is_built_from_without_a_network(clone: Project) -> None:
    """Lock, wheels and baseline come from it."""
    assert 0 == clone.envsnap("bundle", "-o", "b.tar").code

    done = clone.envsnap("verify", "--bundle", "b.tar", "--target", "venv", "--json", UV_OFFLINE="1")

    assert 0 == done.code, done.err
    assert done.envelope["result"]["built"] is True


@pytest.mark.parametrize("target", ["venv", pytest.param("docker", marks=pytest.mark.docker)])
def test_run_leaves_outputs_and_says_no_verdict(clone: Project, frozen: Project, target: str) -> None:
    """It builds first too; what is injected is what the baseline was recorded under, so the bytes are the same."""
    ran = clone.envsnap("run", "--target", target)
    asked = clone.envsnap(
        "run", "-q", "--output", "elsewhere", "--", "python", "-c", "import random; print(random.random())"
    )
    failed = clone.envsnap("run", "--", "python", "-c", "raise SystemExit(3)")

    assert (0, True) == (ran.code, BUILDS_FIRST in ran.err), ran.err
    assert ran.out.startswith("final loss ")
    for name in ("metrics.jsonl", "final.json"):
        assert (frozen.folder / name).read_bytes() == (clone.folder / name).read_bytes()
    seeded = random.Random(7).random()  # noqa: S311 - a number that repeats is what is wanted
    assert (0, f"{seeded}\n") == (asked.code, asked.out), asked.err
    assert not (clone.folder / "elsewhere").exists()
    assert 6 == failed.code


@pytest.mark.parametrize("target", ["venv", pytest.param("docker", marks=pytest.mark.docker)])
def test_new_numbers_are_accepted_with_a_reason(clone: Project, target: str) -> None:
    """The diff of the lock has the reason and the numbers; the environment is not built anew for it."""
    script = clone.folder / "train.py"
    script.write_text(script.read_text().replace("0.2 *", "0.3 *"))
    git(clone.folder, "commit", "--quiet", "--all", "--message", "a larger step")

    fails = clone.envsnap("verify", "--target", target)
    accepted = clone.envsnap("verify", "--accept", "it converges sooner")
    git(clone.folder, "add", "--all")
    diff = git(clone.folder, "diff", "--cached", "--no-renames", "--", "envsnap.lock")
    git(clone.folder, "commit", "--quiet", "--message", "new numbers")
    again = clone.envsnap("verify", "--no-build")

    assert [1, 0, 0] == [fails.code, accepted.code, again.code], accepted.err + again.err
    assert fails.out.endswith("\nif these numbers are meant: envsnap verify --accept 'why'\n")
    assert "verdict: fail" in accepted.out
    assert "of 2 runs: commit both" in accepted.out
    added = {line[1:] for line in diff.splitlines() if line.startswith("+")}
    assert 'reason = "it converges sooner"' in added
    assert {"loss: 6.4457e-06 -> 4.03251e-08"} == {
        line.partition('"')[2].rstrip('"') for line in added if line.startswith("summary") and "end" not in line
    }
    assert "every output matches the baseline (bit for bit)" in again.out
    assert "the code is not the locked one" not in again.out
