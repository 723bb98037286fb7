"""examples/fashion-mnist in Docker: it passes, and each way of differing is found, named and has its exit code."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsnap.build.image import ImageBuild, build_image
from envsnap.host.container.docker_cli import ClassicBuilder
from envsnap.host.container.engine import Engine

from .conftest import Project

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network]

DATA = Path(os.environ.get("ENVSNAP_FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


@pytest.fixture(scope="module")
def built(copy_example: Callable[[str], Project]) -> Iterator[Project]:
    """The example with its data, frozen and built."""
    if not DATA.is_dir():
        pytest.skip(f"no Fashion-MNIST in {DATA}: install Debian's dataset-fashion-mnist, or set ENVSNAP_FASHION_MNIST")
    project = copy_example("fashion-mnist")
    subprocess.run([sys.executable, "fetch_data.py", str(DATA)], cwd=project.folder, check=True)
    project.freeze()
    done = project.envsnap("build", "--json")
    assert done.code == 0, done.err
    yield project
    with Engine.connect() as engine:
        engine.remove_unused_image(done.envelope["result"]["reference"])


@pytest.fixture
def project(built: Project) -> Iterator[Project]:
    """The built project; its files are as before when the test ends."""
    yield built
    subprocess.run(["git", "checkout", "--quiet", "--", "."], cwd=built.folder, check=True)


def change(project: Project, name: str, before: str, after: str) -> None:
    """Replace the one occurrence of a text in a file."""
    path = project.folder / name
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{name} holds {text.count(before)} times {before!r}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def items(document: dict[str, Any], output: str) -> dict[str, dict[str, Any]]:
    """Return the verdicts of one output's items by name."""
    outputs = {entry["path"]: entry for entry in document["result"]["verdict"]["outputs"]}
    return {item["name"]: item for item in outputs[output]["items"]}


def test_unchanged_project_passes(project: Project) -> None:
    """The container gives the baseline's numbers."""
    done = project.envsnap("verify", "--json")

    assert done.code == 0, done.err
    assert done.envelope["result"]["verdict"]["status"] == "pass"
    assert done.envelope["result"]["environment"].startswith("container envsnap/fashion-mnist:")


def test_another_learning_rate_fails(project: Project) -> None:
    """Exit 1: the metric, the step where it first parts, and by how much."""
    change(project, "envsnap.toml", '"train.py"]', '"train.py", "--lr", "0.02"]')

    done = project.envsnap("verify", "--json")

    loss = items(done.envelope, "metrics.jsonl")["loss"]
    notes = done.envelope["result"]["verdict"]["notes"]
    assert done.code == 1
    assert loss["status"] == "fail"
    assert loss["first-beyond"]["where"].startswith("step ")
    assert loss["first-beyond"]["difference"] > 0
    assert any("command was" in note for note in notes)


def test_changed_data_are_refused_before_anything_runs(project: Project) -> None:
    """Exit 6, naming the file."""
    path = project.folder / "data" / "train-labels-idx1-ubyte.gz"
    original = path.read_bytes()
    path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    runs = sorted((project.folder / ".envsnap" / "runs").iterdir())

    done = project.envsnap("verify")

    path.write_bytes(original)
    assert done.code == 6
    assert "data/train-labels-idx1-ubyte.gz differs from the lock" in done.err
    assert runs == sorted((project.folder / ".envsnap" / "runs").iterdir())


def test_another_package_version_in_the_image_is_refused(project: Project, engine: Engine, tmp_path: Path) -> None:
    """Exit 5, naming the package and both versions."""
    last = project.envsnap("build", "--json").envelope["result"]["reference"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path)]
    subprocess.run([*pip, "filelock==3.18.0"], check=True)
    wheel = next(tmp_path.glob("*.whl")).name
    (tmp_path / "Dockerfile").write_text(
        f"FROM {last}\nCOPY {wheel} /\n"
        f"RUN /usr/local/bin/python3 -m pip --python /opt/venv/bin/python install --no-index --no-deps /{wheel}\n"
    )
    build_image(engine, ClassicBuilder(), ImageBuild(context=tmp_path, tag="envsnap-test/other:1"))

    done = project.envsnap("verify", "--image", "envsnap-test/other:1")

    engine.remove_unused_image("envsnap-test/other:1")
    locked = subprocess.run(
        [project.python, "-c", "import filelock; print(filelock.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    row = next(line for line in done.err.splitlines() if line.strip().startswith("filelock"))
    assert done.code == 5
    assert ["filelock", locked, "3.18.0"] == row.split()


@pytest.mark.parametrize(
    ("before", "after", "output", "reason"),
    [
        pytest.param(
            'Path("accuracy.json").write_text(json.dumps(accuracy, indent=2) + "\\n", encoding="utf-8")',
            "pass",
            "accuracy.json",
            "it was never written",
            id="a file that is no longer written",
        ),
        pytest.param(
            "enumerate(batches, start=1)",
            "enumerate(batches[:-1], start=1)",
            "metrics.jsonl",
            "the rerun has 781 steps, the baseline 782",
            id="one step fewer",
            marks=pytest.mark.long,
        ),
        pytest.param(
            '"loss": loss.item()}',
            '"loss": loss.item(), "lr": arguments.lr}',
            "metrics.jsonl",
            "'lr' is not in the baseline",
            id="an extra metric",
            marks=pytest.mark.long,
        ),
        pytest.param(
            '"loss": loss.item()}',
            '"loss": loss.item() if step != 500 else float("nan")}',
            "metrics.jsonl",
            "NaN at step 500",
            id="a NaN",
        ),
    ],
)
def test_output_that_lacks_or_adds_something_fails(
    project: Project, before: str, after: str, output: str, reason: str
) -> None:
    """Exit 1, and the reason says which."""
    change(project, "train.py", before, after)

    done = project.envsnap("verify", "--json")

    outputs = {entry["path"]: entry for entry in done.envelope["result"]["verdict"]["outputs"]}
    reasons = [outputs[output]["reason"], *(item["reason"] for item in outputs[output]["items"])]
    assert done.code == 1
    assert outputs[output]["status"] == "fail"
    assert any(reason in text for text in reasons), reasons


def test_missing_engine_is_explained(project: Project) -> None:
    """Exit 7, and what to start."""
    done = project.envsnap("verify", DOCKER_HOST="unix:///nowhere/docker.sock")

    assert done.code == 7
    assert "no container engine answers" in done.err
    assert "start Docker" in done.err


def test_misspelt_key_is_explained(project: Project) -> None:
    """Exit 2: the key, the file and the nearest known key."""
    change(project, "envsnap.toml", "timeout =", "timout =")

    done = project.envsnap("verify")

    assert done.code == 2
    assert "envsnap.toml: unknown key 'timout' in [job]; did you mean 'timeout'?" in done.err
