"""A run is like one of verify's, judges nothing, and leaves its outputs where they are wanted."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import EnvironmentDiffersError, JobError, UsageError
from envsnap.host.own_places import LOCK
from envsnap.manifest.job import Datum, Job
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.workflow.environments import RebuiltEnvironment
from envsnap.workflow.progress import Progress
from envsnap.workflow.run import RunRequest, RunResult, run
from envsnap.workflow.runs import NOT_OBSERVED

WROTE = "warning: the job did not write metrics.json"


def write(execution: Execution) -> Completed:
    """A job that prints a line and writes its output."""
    execution.on_output("step 1")
    (execution.workdir / "metrics.json").write_text('{"accuracy": 0.75}')
    return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=2.0)


@pytest.fixture
def run_in(
    project: Path, make_manifest: Callable[..., Manifest], progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunResult]:
    """Run a lock, with these contents changed, in an environment."""

    def run_lock(
        environment: Environment,
        *command: str,
        output: Path | None = None,
        lines: list[str] | None = None,
        **contents: object,
    ) -> RunResult:
        @contextlib.contextmanager
        def open_fake(_rebuilt: RebuiltEnvironment, _env: Mapping[str, str]) -> Iterator[Environment]:
            yield environment

        monkeypatch.setattr("envsnap.workflow.run.open_rebuilt", open_fake)
        (project / LOCK).write_text(dump_manifest(make_manifest(**contents)), encoding="utf-8")
        told = [] if lines is None else lines
        request = RunRequest(
            folder=project, env={}, lock=None, command=command, output=output, build=False, on_output=told.append
        )
        return run(request, progress)

    return run_lock


def test_outputs_are_left_where_the_job_puts_them(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], project: Path, told: list[str]
) -> None:
    """Each line is shown as it comes; a lock without a baseline will do."""
    lines: list[str] = []

    ran = run_in(make_environment(write), lines=lines)

    assert '{"accuracy": 0.75}' == (project / "metrics.json").read_text()
    assert ["step 1"] == lines
    assert (project, 2.0, ["metrics.json"]) == (ran.folder, ran.seconds, [output.path for output in ran.outputs])
    assert f"warning: {NOT_OBSERVED}" in told
    assert WROTE not in told


def test_outputs_go_to_a_folder_that_is_named(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], project: Path, tmp_path: Path
) -> None:
    """The project stays as it was."""
    (project / "metrics.json").write_text("mine")

    run_in(make_environment(write), output=tmp_path / "deep" / "out")

    assert '{"accuracy": 0.75}' == (tmp_path / "deep" / "out" / "metrics.json").read_text()
    assert "mine" == (project / "metrics.json").read_text()


@pytest.mark.parametrize("name", [".envsnap/out", "envsnap.baseline", "envsnap.lock"])
def test_outputs_never_go_where_envsnap_keeps_its_own(
    run_in: Callable[..., RunResult],
    make_environment: Callable[..., Environment],
    project: Path,
    executed: list[Execution],
    name: str,
) -> None:
    """Nor into a file; nothing is run then."""
    with pytest.raises(UsageError, match="name another"):
        run_in(make_environment(write), output=project / name)

    assert [] == executed


def test_command_takes_the_place_of_the_jobs_own(
    run_in: Callable[..., RunResult],
    make_environment: Callable[..., Environment],
    executed: list[Execution],
    told: list[str],
) -> None:
    """All else stays the job's; that it writes no outputs, or is no Python, is not told."""
    ran = run_in(make_environment(), "sh", "-c", "true")

    assert (("sh", "-c", "true"), "0") == (executed[0].argv, executed[0].env["PYTHONHASHSEED"])
    assert () == ran.outputs
    assert not {f"warning: {NOT_OBSERVED}", WROTE} & set(told)


def test_lock_without_a_job_runs_a_command_alone(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], executed: list[Execution]
) -> None:
    """With the threads that the lock records."""
    run_in(make_environment(), "sh", job=None, numerics=Numerics(threads=3))
    with pytest.raises(UsageError, match="records no job"):
        run_in(make_environment(), job=None)

    assert ["3"] == [execution.env["OMP_NUM_THREADS"] for execution in executed]


def test_job_that_writes_no_output_is_told_of(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], told: list[str]
) -> None:
    """It ended well all the same."""
    run_in(make_environment())

    assert WROTE in told


def test_job_that_fails_leaves_nothing(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], project: Path
) -> None:
    """The former output is still there."""
    (project / "metrics.json").write_text("mine")

    with pytest.raises(JobError, match="exit code 3"):
        run_in(make_environment(lambda execution: dataclasses.replace(write(execution), exit_code=3)))

    assert "mine" == (project / "metrics.json").read_text()


def test_environment_that_differs_runs_nothing(
    run_in: Callable[..., RunResult], make_environment: Callable[..., Environment], executed: list[Execution]
) -> None:
    """It would not be the rebuilt one."""
    with pytest.raises(EnvironmentDiffersError):
        run_in(make_environment(write, content_digest="ef" * 32))

    assert [] == executed


def test_other_inputs_are_warned_of_and_taken(
    run_in: Callable[..., RunResult],
    make_environment: Callable[..., Environment],
    executed: list[Execution],
    project: Path,
    job: Job,
    told: list[str],
) -> None:
    """To try others is what a run without a verdict is for."""
    (project / "data.csv").write_text("1\n")
    locked = msgspec.structs.replace(job, inputs=("data.csv",))

    run_in(make_environment(write), job=locked, data=(Datum(path="data.csv", size=2, sha256="0" * 64),))

    (warning,) = [line for line in told if line.startswith("warning: the inputs are not those")]
    assert "data.csv differs from the lock" in warning
    assert 1 == len(executed)
