"""Jobs that take days, in small: fewer runs, a baseline without a run, profiles, and the first steps of many."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.compare.outputs import NO_STEPS
from envsnap.workflow.runs import RECORDED

from .conftest import Ended, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

TRAIN = """
import json, os, sys
steps = int(sys.argv[1])
with open("metrics.jsonl", "w") as file:
    for step in range(1, steps + 1):
        print(json.dumps({"step": step, "loss": 1 / step}), file=file)
"""
SETTINGS = """
[job]
command = ["python", "train.py", "1000"]
[[job.outputs]]
path = "metrics.jsonl"
"""


@pytest.fixture
def project(tmp_path: Path, make_environment: Callable[[Path], Path]) -> Project:
    """A repository with the job."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("")
    (folder / "train.py").write_text(TRAIN)
    (folder / "envsnap.toml").write_text(SETTINGS)
    author = ("-c", "user.name=t", "-c", "user.email=t@host.example")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "start")):
        subprocess.run(("git", *arguments), cwd=folder, check=True)
    return Project(folder, make_environment(folder / "requirements.txt"))


def lock(project: Project) -> dict[str, Any]:
    """The lock's tables."""
    return tomllib.loads(project.lock().decode())


def verify(project: Project, *options: str) -> tuple[int, dict[str, Any]]:
    """Build and verify in a virtual environment; return the exit code and the verdict."""
    built = project.envsnap("build", "--target", "venv", "--quiet")
    assert built.code == 0, built.err
    done = project.envsnap("verify", "--target", "venv", "--json", *options)
    assert done.code in {0, 1, 3}, done.err
    verdict: dict[str, Any] = done.envelope["result"]["verdict"]
    return done.code, verdict


def refused(done: Ended) -> str:
    """The message of a usage error."""
    assert done.code == 2, done.err
    return done.err


def test_freeze_runs_the_job_as_often_as_it_is_told(project: Project) -> None:
    """The settings say two; the baseline says what was done, and verify has nothing to say of it."""
    frozen = project.freeze("--runs", "1")
    code, verdict = verify(project)

    assert (1, 2) == (lock(project)["baseline"]["runs"], lock(project)["job"]["runs"])
    assert "1 of 1" in frozen.err
    assert (0, []) == (code, verdict["notes"])
    assert "leave --no-run out" in refused(project.envsnap("freeze", "--no-run", "--runs", "1"))


def test_outputs_that_stand_in_the_project_become_the_baseline(project: Project) -> None:
    """Nothing is run; the lock says so, and so does each verdict. The user's next run may write into its own file."""
    subprocess.run([project.python, "train.py", "1000"], cwd=project.folder, check=True)
    standing = project.folder / "metrics.jsonl"
    frozen = project.freeze("--record")
    with standing.open("r+") as file:
        file.write("x")
    code, verdict = verify(project)

    baseline = lock(project)["baseline"]
    assert (1, True, False) == (baseline["runs"], baseline["recorded"], baseline["observed"])
    assert "running the job" not in frozen.err
    assert "as they stood in the project" in frozen.out
    assert "loaded" not in lock(project)
    assert (0, [RECORDED]) == (code, verdict["notes"])
    (project.folder / "train.py").write_text(TRAIN.replace("1 / step", "2 / step"))
    code, verdict = verify(project)
    assert (3, "inconclusive") == (code, verdict["status"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--record",), 6, "not there: metrics.jsonl"),
        (("--record", "--runs", "2"), 2, "leave --runs out"),
        (("--record", "--no-run"), 2, "leave --no-run out"),
    ],
)
def test_a_baseline_without_a_run_holds_every_output(
    project: Project, options: tuple[str, ...], code: int, said: str
) -> None:
    """And there is nothing to say of runs."""
    done = project.envsnap("freeze", "--python", str(project.python), *options)

    assert code == done.code, done.err
    assert said in done.err
    assert not (project.folder / "envsnap.lock").exists()


SMOKE = """
[job.profiles.smoke]
command = ["python", "train.py", "10"]
runs = 1
timeout = "1m"
"""


def describe_profiles(project: Project, text: str = SMOKE) -> None:
    """Add profiles to the settings."""
    (project.folder / "envsnap.toml").write_text(SETTINGS + text)


@pytest.fixture
def profiled(project: Project) -> Project:
    """A project whose job was frozen, and then its smoke profile, which was described only after that."""
    project.freeze()
    describe_profiles(project)
    project.freeze("--profile", "smoke")
    return project


def test_a_profile_is_frozen_and_verified_beside_the_job(profiled: Project) -> None:
    """Each against its own baseline; a lock of the job alone, frozen again, keeps the profile's."""
    recorded = lock(profiled)
    whole, smoke = verify(profiled), verify(profiled, "--profile", "smoke")
    profiled.freeze()
    again = lock(profiled)

    assert (2, 1) == (recorded["baseline"]["runs"], recorded["profiles"]["smoke"]["baseline"]["runs"])
    assert [(0, 2000), (0, 20)] == [(code, values(verdict)) for code, verdict in (whole, smoke)]
    assert recorded["profiles"] == again["profiles"]
    assert recorded["baseline"] == again["baseline"]
    folders = {path.name for path in (profiled.folder / "envsnap.baseline").iterdir()}
    assert {one["baseline"]["folder"] for one in (again, again["profiles"]["smoke"])} <= folders


def values(verdict: dict[str, Any]) -> int:
    """How many values were compared."""
    return sum(item["count"] for output in verdict["outputs"] for item in output["items"])


def test_a_changed_number_fails_the_profile_that_reaches_it(profiled: Project) -> None:
    """Step 500 is beyond what the smoke profile runs."""
    changed = TRAIN.replace("1 / step", "(2 if step == 500 else 1) / step")
    (profiled.folder / "train.py").write_text(changed)

    whole, smoke = verify(profiled), verify(profiled, "--profile", "smoke")

    assert [(1, "fail"), (0, "pass")] == [(code, verdict["status"]) for code, verdict in (whole, smoke)]
    assert all(any("train.py" in note for note in verdict["notes"]) for _, verdict in (whole, smoke))


def test_one_lock_has_one_environment_and_one_code(profiled: Project) -> None:
    """A baseline that was recorded with other code is not kept beside a new one without a word."""
    before = profiled.lock()
    (profiled.folder / "train.py").write_text(TRAIN.replace("1 / step", "2 / step"))
    for options in (("--profile", "smoke"), ()):
        done = profiled.envsnap("freeze", "--python", str(profiled.python), *options)
        assert done.code == 5, done.err
        assert "--drop-others" in done.err
        assert "with changes in train.py" in done.err
        assert "running the job" not in done.err
    assert before == profiled.lock()

    profiled.freeze("--drop-others")
    assert "profiles" not in lock(profiled)
    profiled.freeze("--profile", "smoke")

    assert [0, 0] == [verify(profiled, *options)[0] for options in ((), ("--profile", "smoke"))]


def test_a_profile_alone_makes_a_lock(project: Project) -> None:
    """The job itself has no baseline yet, and verify says so; the job's own freeze adds it."""
    describe_profiles(project)
    project.freeze("--profile", "smoke")
    alone = lock(project)
    without = project.envsnap("verify")
    project.freeze()

    assert ("job" in alone, "baseline" in alone) == (False, False)
    assert "records no job to verify" in refused(without)
    assert alone["profiles"] == lock(project)["profiles"]
    assert 0 == verify(project, "--profile", "smoke")[0]


def test_a_profile_that_nobody_knows_is_named_with_those_that_are_known(profiled: Project) -> None:
    """At freeze those of the settings, at verify those of the lock."""
    frozen = profiled.envsnap("freeze", "--python", str(profiled.python), "--profile", "smok")
    verified = profiled.envsnap("verify", "--profile", "smok")

    assert "envsnap.toml describes no profile 'smok': it has smoke" in refused(frozen)
    assert "envsnap.lock has no profile 'smok': it has smoke" in refused(verified)


def test_a_run_sees_no_output_of_another_job(project: Project) -> None:
    """A profile that copies what the job left would pass for ever."""
    describe_profiles(
        project,
        """
[job.profiles.copy]
command = ["python", "-c", "import shutil; shutil.copy('metrics.jsonl', 'copy.jsonl')"]
outputs = [{ path = "copy.jsonl" }]
[job.profiles.reader]
command = ["python", "-c", "import shutil; shutil.copy('metrics.jsonl', 'copy.jsonl')"]
inputs = ["metrics.jsonl"]
outputs = [{ path = "copy.jsonl" }]
""",
    )
    project.freeze()
    done = project.envsnap("freeze", "--python", str(project.python), "--profile", "copy")
    project.freeze("--profile", "reader")

    assert done.code == 6, done.err
    assert "No such file or directory: 'metrics.jsonl'" in done.err
    assert ["reader"] == list(lock(project)["profiles"])


def test_a_profile_that_is_described_no_more_leaves_the_lock(profiled: Project) -> None:
    """Its baseline goes too, and freeze says so."""
    describe_profiles(profiled, "")
    frozen = profiled.freeze()

    assert "profile 'smoke' is left out of the lock" in frozen.err
    assert "profiles" not in lock(profiled)


FIRST = """
[[job.outputs]]
path = "weights.json"
[job.profiles.first]
command = ["python", "train.py", "100"]
outputs = [{ path = "metrics.jsonl" }]
"""
WITH_WEIGHTS = TRAIN + 'json.dump({"weight": 1 / steps}, open("weights.json", "w"))\n'


@pytest.fixture
def begun(project: Project) -> Project:
    """A job of a thousand steps with a summary at its end, and a profile that describes its first hundred."""
    describe_profiles(project, FIRST)
    (project.folder / "train.py").write_text(WITH_WEIGHTS)
    project.freeze()
    return project


def test_the_first_hundred_steps_are_verified_against_the_whole_baseline(begun: Project) -> None:
    """The profile was never frozen; the verdict says how far it goes, and what it leaves out."""
    code, verdict = verify(begun, "--profile", "first", "--prefix")
    without = begun.envsnap("verify", "--target", "venv", "--profile", "first")

    assert (0, "pass") == (code, verdict["status"])
    matches = "every output matches the baseline (bit for bit): metrics.jsonl the first 100 of 1000 steps"
    assert f"as far as the rerun goes, {matches}; not compared: weights.json" == verdict["reason"]
    assert (100, 1000) == tuple(verdict["outputs"][0][key] for key in ("steps", "baseline-steps"))
    assert "envsnap.lock has no profile 'first': it has none" in refused(without)


@pytest.mark.parametrize(("step", "first", "whole"), [(50, 1, 1), (500, 0, 1)])
def test_a_changed_step_fails_the_prefix_that_holds_it(begun: Project, step: int, first: int, whole: int) -> None:
    """Step 50 is among the first hundred, step 500 only in the whole."""
    changed = WITH_WEIGHTS.replace("1 / step}", f"(2 if step == {step} else 1) / step}}")
    (begun.folder / "train.py").write_text(changed)

    prefix, all_steps = verify(begun, "--profile", "first", "--prefix"), verify(begun)

    assert (first, whole) == (prefix[0], all_steps[0])
    for code, verdict in (prefix, all_steps):
        reasons = [item["reason"] for output in verdict["outputs"] for item in output["items"]]
        assert bool(code) == any(f"from step {step} on" in reason for reason in reasons)


def test_a_summary_of_fewer_steps_is_not_the_baselines(begun: Project) -> None:
    """It is compared whole, and the verdict says what to do."""
    settings = (begun.folder / "envsnap.toml").read_text()
    (begun.folder / "envsnap.toml").write_text(settings.replace('"1000"', '"100"'))

    code, verdict = verify(begun, "--prefix")

    status = {output["path"]: output["status"] for output in verdict["outputs"]}
    assert (1, {"metrics.jsonl": "pass", "weights.json": "fail"}) == (code, status)
    assert f"weights.json: {NO_STEPS}" in verdict["notes"]
