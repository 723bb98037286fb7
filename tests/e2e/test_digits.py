"""examples/digits through the three commands, in a container and in a virtual environment."""

import difflib
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from envsnap.host.container.engine import Engine
from envsnap.manifest.lockfile import parse_manifest
from envsnap.run.baseline import baseline_files

from .conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def frozen(copy_example: Callable[[str], Project]) -> Project:
    """A frozen copy of the example."""
    project = copy_example("digits")
    project.freeze()
    return project


@pytest.fixture(scope="module")
def built(frozen: Project) -> Iterator[Project]:
    """The frozen copy with its image, which is removed at the end."""
    done = frozen.envsnap("build", "--json")
    assert done.code == 0, done.err
    yield frozen
    with Engine.connect() as engine:
        engine.remove_unused_image(done.envelope["result"]["reference"])


def test_lock_records_what_moves_numbers(frozen: Project) -> None:
    """Each package has its artefact, each loaded BLAS its version and threads, the runs repeat bit for bit."""
    lock = tomllib.loads(frozen.lock().decode())

    numpy = next(package for package in lock["packages"] if package["name"] == "numpy")
    evidence = {package["name"]: package["installed"]["evidence"] for package in lock["packages"]}
    assert set(evidence.values()) <= {"index-verified", "local-file"}
    assert len(numpy["wheels"][0]["hashes"]["sha256"]) == 64
    assert {pool["implementation"] for pool in lock["numerics"]["pools"]} >= {"openblas"}
    assert lock["numerics"]["env"]["PYTHONHASHSEED"] == "1234"
    assert lock["baseline"]["bitwise-repeatable"] is True
    assert lock["code"]["dirty"] is False


def test_second_freeze_differs_in_its_time_only(frozen: Project) -> None:
    """Same project, same bytes, but for [snapshot].created-at."""
    before = frozen.lock().decode()
    time.sleep(1.1)

    frozen.freeze()

    changed = [
        line[2:].partition(" =")[0]
        for line in difflib.ndiff(before.splitlines(), frozen.lock().decode().splitlines())
        if line[0] in "+-"
    ]
    assert changed == ["created-at", "created-at"]


def test_freeze_without_packages_known_before_is_offline(frozen: Project) -> None:
    """What an earlier freeze proved is enough: --offline gives the same packages."""
    before = tomllib.loads(frozen.lock().decode())["packages"]
    other = frozen.folder.parent / "offline.lock"

    frozen.freeze("--offline", "--no-run", "--output", str(other))

    assert before == tomllib.loads(other.read_text(encoding="utf-8"))["packages"]


def test_virtual_environment_repeats_the_numbers(frozen: Project) -> None:
    """Without an engine the same three commands work on a virtual environment."""
    built = frozen.envsnap("build", "--target", "venv")
    verified = frozen.envsnap("verify", "--target", "venv", "--json")

    assert built.code == 0, built.err
    assert verified.code == 0, verified.err
    assert verified.envelope["result"]["verdict"]["status"] == "pass"
    assert str(frozen.folder / ".envsnap" / "venv") in verified.envelope["result"]["environment"]


@pytest.mark.docker
def test_container_repeats_the_numbers(built: Project) -> None:
    """The container runs the job, every output passes bit for bit, and JUnit and JSON agree with the table."""
    report = built.folder / "report.xml"

    table = built.envsnap("verify", "--junit", str(report))
    document = built.envsnap("verify", "--json").envelope

    assert table.code == 0, table.err
    assert "verdict: pass" in table.out
    assert "ran in the container envsnap/digits:" in table.out
    assert document["exit-code"] == 0
    assert {output["bitwise"] for output in document["result"]["verdict"]["outputs"]} == {True}
    assert ET.parse(report).getroot().get("failures") == "0"
    report.unlink()


@pytest.mark.docker
def test_job_sees_the_container_not_the_host(built: Project, engine: Engine) -> None:
    """A job that writes where it runs gives the image's prefix, not the captured one."""
    folder = built.folder.parent / "where"
    shutil.copytree(built.folder, folder, symlinks=True)
    project = Project(folder, built.python)
    (folder / "where.py").write_text("import json, sys\njson.dump({'prefix': sys.prefix}, open('where.json', 'w'))\n")
    (folder / "envsnap.toml").write_text(
        '[job]\ncommand = ["python", "where.py"]\ngpus = "none"\n[[job.outputs]]\npath = "where.json"\n'
    )

    project.freeze()
    built_again = project.envsnap("build", "--json")
    done = project.envsnap("verify", "--json")

    engine.remove_unused_image(built_again.envelope["result"]["reference"])
    (item,) = done.envelope["result"]["verdict"]["outputs"][0]["items"]
    assert built_again.code == 0, built_again.err
    assert done.code == 1
    assert item["name"] == "prefix"
    assert "/opt/venv" in item["reason"]


@pytest.mark.docker
def test_image_holds_neither_secrets_nor_indexes(built: Project, engine: Engine) -> None:
    """Certificates, index settings and uv served the build and are not in the image."""
    last = built.envsnap("build", "--json").envelope["result"]["reference"]
    script = "ls -A /run/secrets /envsnap /usr/local/bin/uv /root/.cache/uv /root/.config/uv 2>/dev/null; env"

    seen = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", last, "sh", "-c", script],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert engine.image(last) is not None
    assert "uv" not in seen.splitlines()
    assert not [line for line in seen.splitlines() if "CERT" in line or "INDEX" in line or "://" in line]


@pytest.mark.docker
def test_image_is_captured_from_inside(built: Project) -> None:
    """The image that was built from a lock gives the same packages and interpreter, and its job the same numbers."""
    reference = built.envsnap("build", "--json").envelope["result"]["reference"]
    other = built.folder.parent / "image.lock"

    frozen = built.envsnap("freeze", "--image", reference, "--output", str(other))
    compared = built.envsnap("diff", "envsnap.lock", str(other), "--json")

    assert frozen.code == 0, frozen.err
    lock = tomllib.loads(other.read_text(encoding="utf-8"))
    groups = {
        group["group"]
        for group in compared.envelope["result"]["groups"]
        if any(difference["moves-numbers"] for difference in group["differences"])
    }
    assert lock["interpreter"]["provenance"] == "image"
    assert {package["installed"]["evidence"] for package in lock["packages"]} <= {"index-verified", "local-file"}
    assert groups <= {"accelerator", "system"}


@pytest.mark.docker
def test_image_without_python_is_a_clear_error(built: Project, tmp_path: Path) -> None:
    """Exit code 4; the former lock stays."""
    reference = built.envsnap("build", "--json").envelope["result"]["reference"]
    (tmp_path / "Dockerfile").write_text(f"FROM {reference}\nENV PATH=/nowhere\n")
    subprocess.run(["docker", "build", "--quiet", "--tag", "envsnap/no-python:1", str(tmp_path)], check=True)
    before = built.lock()

    done = built.envsnap("freeze", "--image", "envsnap/no-python:1")

    subprocess.run(["docker", "image", "rm", "envsnap/no-python:1"], check=True)
    assert done.code == 4, done.err
    assert "has neither 'python' nor 'python3' on its PATH" in done.err
    assert before == built.lock()


def test_killed_freeze_leaves_the_former_lock(frozen: Project) -> None:
    """kill -9 at any moment: the former lock stands byte for byte, or the whole new one; its baseline is there."""
    started = time.monotonic()
    frozen.freeze()
    whole = time.monotonic() - started
    command = [sys.executable, "-m", "envsnap", "freeze", "--quiet", "--python", str(frozen.python)]
    untouched = 0

    for step in range(12):
        former = frozen.lock()
        process = subprocess.Popen(command, cwd=frozen.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (step + 0.5) / 12)
        process.send_signal(signal.SIGKILL)
        process.wait()
        manifest, _ = parse_manifest(frozen.lock().decode(), source="envsnap.lock")
        assert manifest.contents.baseline is not None
        assert baseline_files(manifest.contents.baseline, frozen.folder)
        untouched += frozen.lock() == former

    assert untouched >= 9
    frozen.freeze()
