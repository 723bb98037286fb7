"""One run of a job: what is executed, what is recorded, and how a failure is explained."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from envsnap.environment import Completed, Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import JobError, MissingToolError, OverlayRefusedError
from envsnap.manifest.hardware import Limits
from envsnap.manifest.job import Job, JobOutput
from envsnap.run.job import Run, run_job

OUTPUT = JobOutput(path="metrics.json", format="json")
JOB = Job(command=("python", "train.py", "--name", "a b"), outputs=(OUTPUT,), timeout_seconds=60, gpus=1)


class FakeEnvironment:
    """Executes by calling a function, and remembers what it was asked."""

    name = "fake"
    python = "python"

    def __init__(self, act: Callable[[Execution], Completed]) -> None:
        self._act = act
        self.executions: list[Execution] = []

    def execute(self, execution: Execution) -> Completed:
        if execution.overlay is not None:
            raise OverlayRefusedError("no kernel to ask")
        self.executions.append(execution)
        return self._act(execution)


def ending(exit_code: int = 0, stderr: bytes = b"", *, timed_out: bool = False) -> FakeEnvironment:
    return FakeEnvironment(
        lambda _: Completed(exit_code=exit_code, stdout=b"", stderr=stderr, seconds=1.5, timed_out=timed_out)
    )


def writing(execution: Execution) -> Completed:
    (execution.workdir / OUTPUT.path).write_text("{}")
    report = Path(execution.env["ENVSNAP_OBSERVE_DIR"]) / "observed-1-1.json"
    report.write_text(json.dumps({"python": "3.11.7", "modules": 9}))
    return Completed(exit_code=0, stdout=b"", stderr=b"warming up\ndone\n", seconds=2.0)


class OverlaidEnvironment(FakeEnvironment):
    """Acts on an overlay's upper folder, as the kernel would have it."""

    def execute(self, execution: Execution) -> Completed:
        overlay = execution.overlay
        assert overlay is not None
        reports = Path(execution.env["ENVSNAP_OBSERVE_DIR"])
        (overlay.upper / OUTPUT.path).write_text("{}")
        report = overlay.upper / reports.relative_to(overlay.lower) / "observed-1-1.json"
        report.write_text(json.dumps({"python": "3.11.7", "modules": 9}))
        self.executions.append(execution)
        return self._act(execution)


def test_a_run_through_an_overlay_is_told_alike(run: Run) -> None:
    """Nothing is mounted beside it, and the project is left alone."""
    environment = OverlaidEnvironment(lambda _: Completed(exit_code=0, stdout=b"", stderr=b"", seconds=2.0))

    outcome = run_job(environment, JOB, run)

    (execution,) = environment.executions
    assert (2.0, "") == (outcome.seconds, outcome.no_overlay)
    assert run.folder / "written" / OUTPUT.path == outcome.outputs[0].file
    assert outcome.observation is not None
    assert ((), ()) == (execution.writable, execution.hidden)
    assert [".envsnap"] == [path.name for path in run.project.iterdir()]


def test_without_an_overlay_the_reason_is_told(run: Run) -> None:
    """For the reader of a verdict."""
    assert "no kernel to ask" == run_job(FakeEnvironment(writing), JOB, run).no_overlay


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(project=tmp_path, folder=tmp_path / ".envsnap" / "runs" / "0001")


def test_the_outcome_tells_the_run(run: Run) -> None:
    """Outputs with digest, the time, and what was observed."""
    outcome = run_job(FakeEnvironment(writing), JOB, run)

    assert 2.0 == outcome.seconds
    assert [("metrics.json", 2)] == [(output.path, output.size) for output in outcome.outputs]
    assert outcome.outputs[0].file == run.folder / "written" / "metrics.json"
    assert outcome.observation is not None
    assert "3.11.7" == outcome.observation.python


def test_limits_and_folders_reach_the_environment(run: Run) -> None:
    """The job's limits are the execution's; the observer is readable and the reports are writable inside."""
    environment = ending()
    run_job(environment, JOB, run)
    (execution,) = environment.executions

    assert (JOB.command, run.project, 60, 1) == (
        execution.argv,
        execution.workdir,
        execution.timeout,
        execution.gpus,
    )
    assert Path(execution.env["ENVSNAP_OBSERVE_DIR"]) in execution.writable
    assert Path(execution.env["PYTHONPATH"]) in execution.read_only
    assert Path(execution.env["ENVSNAP_THREADPOOLCTL"]) in execution.read_only


def test_a_container_is_told_the_limits_of_the_freeze(run: Run) -> None:
    """The job's own size of shared memory comes first; what had no limit has none."""
    environment = ending()
    limits = Limits(shm_mib=64, open_files=1024)

    own = msgspec.structs.replace(JOB, shm_bytes=7)
    for number, (job, given) in enumerate([(JOB, limits), (own, limits), (JOB, None)]):
        run_job(environment, job, replace(run, folder=run.folder.with_name(f"{number}"), limits=given))

    asked = [(one.shm_bytes, one.memlock_bytes, one.open_files) for one in environment.executions]
    assert [(64 * 2**20, -1, (1024, -1)), (7, -1, (1024, -1)), (None, None, None)] == asked


def test_an_output_that_was_never_written_has_no_file(run: Run) -> None:
    """Its absence is recorded, for the comparison to fail on; so is the absence of a report."""
    (run.project / OUTPUT.path).write_text("stale")
    outcome = run_job(ending(), JOB, run)

    assert outcome.outputs[0].file is None
    assert outcome.observation is None


def test_a_failure_names_command_code_and_last_words(run: Run) -> None:
    """The command is quoted as for a shell, and the last twenty lines are there."""
    stderr = "\n".join(f"line {number}." for number in range(30)).encode()

    with pytest.raises(JobError) as caught:
        run_job(ending(3, stderr), JOB, run)

    message = str(caught.value)
    assert "the job python train.py --name 'a b' ended with exit code 3 in fake" in message
    assert "line 10." in message
    assert "line 9." not in message
    assert "line 29." in message


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (ending(124, timed_out=True), "did not end within its limit of 60 s"),
        (ending(124, timed_out=True), "Raise `timeout`"),
        (ending(1, b"OSError: [Errno 18] Invalid cross-device link: 'a' -> 'b'"), "renames no folder that was there"),
        (ending(1, b"RuntimeError: can't start new thread"), "Run the command by hand"),
        (ending(135), "through /dev/shm, which is full on this machine"),
        (ending(1, b"it is possible that dataloader's workers are out of shared memory.\nx"), "share less"),
        (ending(124, b"RuntimeError: unable to allocate shared memory(shm) for file", timed_out=True), "which is full"),
        (ending(1, b"OSError: [Errno 28] No space left on device: '/dev/shm/psm_1'"), "/dev/shm, which is full"),
        (ending(137), "was ended by SIGKILL"),
        (ending(137), "memory"),
        (ending(1), "(nothing)"),
        (ending(0, timed_out=True), "did not end"),
    ],
)
def test_each_kind_of_failure_says_what_to_do(run: Run, environment: FakeEnvironment, said: str) -> None:
    """A time limit, a signal and silence are told apart."""
    with pytest.raises(JobError) as caught:
        run_job(environment, JOB, run)

    assert said in str(caught.value)


def test_a_failure_gives_the_earlier_output_back(run: Run) -> None:
    """The user's file survives a job that fails, and an environment that cannot start it."""

    def act(_: Execution) -> Completed:
        raise MissingToolError("no engine")

    (run.project / OUTPUT.path).write_text("earlier")
    with pytest.raises(MissingToolError):
        run_job(FakeEnvironment(act), JOB, run)

    assert "earlier" == (run.project / OUTPUT.path).read_text()


def test_values_passed_through_are_not_repeated(tmp_path: Path) -> None:
    """Neither a token that the job prints nor a login reaches a message."""
    job = Job(command=("python",), pass_env=("TOKEN", "FLAG"))
    run = Run(project=tmp_path, folder=tmp_path / "run", inherited={"TOKEN": "hunter2-hunter2", "FLAG": "1"})

    with pytest.raises(JobError) as caught:
        run_job(ending(1, b"refused: hunter2-hunter2 at https://user:pass@index.example"), job, run)

    assert "refused: *** at https://***@index.example" in str(caught.value)


def test_live_output_holds_no_secret(tmp_path: Path) -> None:
    """With -v it goes into a pipeline's log: passed values and passwords in URLs are masked there as well."""
    lines: list[str] = []
    job = Job(command=("python",), pass_env=("LONG", "TOKEN"))
    values = {"TOKEN": "hunter2-hunter2", "LONG": "hunter2-hunter2-hunter2"}

    def act(execution: Execution) -> Completed:
        execution.on_output("token hunter2-hunter2-hunter2 and hunter2-hunter2")
        execution.on_output("GET https://user:pass@index.example/simple")
        return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=1.0)

    run = Run(project=tmp_path, folder=tmp_path / "run", inherited=values, on_output=lines.append)
    run_job(FakeEnvironment(act), job, run)

    assert ["token *** and ***", "GET https://***@index.example/simple"] == lines


@pytest.mark.processes
def test_a_real_job_repeats_itself(tmp_path: Path) -> None:
    """Two runs of an unseeded script, in a real interpreter, write the same bytes."""
    (tmp_path / "train.py").write_text(
        "import json, random\n"
        "import numpy as np\n"
        "json.dump([random.random(), np.random.default_rng().random(), hash('x')], open('metrics.json', 'w'))\n"
    )
    environment, job = LocalEnvironment(Path(sys.executable)), Job(command=("python", "train.py"), outputs=(OUTPUT,))
    first, second = (run_job(environment, job, Run(project=tmp_path, folder=tmp_path / name)) for name in "ab")

    assert first.outputs[0].sha256 == second.outputs[0].sha256 != ""
    assert first.observation is not None
    assert ("train.py", "0", 0) == (
        first.observation.program,
        first.observation.hash_seed,
        first.observation.seed,
    )
    assert () == first.observation.errors
    assert {1} == {pool.num_threads for pool in first.observation.thread_pools}
