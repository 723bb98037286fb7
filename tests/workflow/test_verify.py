"""A pass is earned: the inputs, the environment and every output are those of the lock, and what differs is said."""

import contextlib
import dataclasses
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from envsnap.capture.code import capture_code
from envsnap.capture.hardware import NvmlFacts
from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import BuildError, EnvironmentDiffersError, InputError, InvalidFileError, JobError, UsageError
from envsnap.host.files import sha256_file
from envsnap.host.own_places import LOCK
from envsnap.manifest.finding import Finding
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Baseline, BaselineOutput, Manifest
from envsnap.manifest.observation import Observation
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.manifest.working_tree import Code
from envsnap.run.baseline import record_baseline
from envsnap.workflow.environments import RebuiltEnvironment
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import own_paths, read_project
from envsnap.workflow.runs import IN_PLACE, NOT_OBSERVED
from envsnap.workflow.verify import (
    NOT_DECLARED,
    NOT_RECORDED,
    VerifyRequest,
    VerifyResult,
    _code_notes,
    _judge,
    _left_in_project,
    _new_outside,
    _notes,
    verify,
)


def writing(text: str) -> Callable[[Execution], Completed]:
    """A job that writes this text into its output."""

    def act(execution: Execution) -> Completed:
        (execution.workdir / "metrics.json").write_text(text)
        return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=2.0)

    return act


def output(path: str, file: Path | None = None) -> RecordedOutput:
    """An output of one run."""
    sha256, size = sha256_file(file) if file is not None else ("", 0)
    return RecordedOutput(path=path, format="json", file=file, sha256=sha256, size=size)


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envsnap.workflow.verify.query_gpus", NvmlFacts)


@pytest.fixture
def baseline(project: Path, tmp_path: Path) -> Baseline:
    """The recorded output of two runs: an accuracy of a half."""
    (tmp_path / "recorded.json").write_text('{"accuracy": 0.5}')
    outcome = Outcome(outputs=(output("metrics.json", tmp_path / "recorded.json"),))
    return record_baseline([outcome, outcome], project)


@pytest.fixture
def verify_in(
    project: Path,
    baseline: Baseline,
    make_manifest: Callable[..., Manifest],
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., VerifyResult]:
    """Verify a lock that has the baseline, with these contents changed, in an environment."""

    def verify_lock(environment: Environment, *, runs: int = 1, **contents: object) -> VerifyResult:
        @contextlib.contextmanager
        def open_fake(_rebuilt: RebuiltEnvironment, _env: Mapping[str, str]) -> Iterator[Environment]:
            yield environment

        monkeypatch.setattr("envsnap.workflow.verify.open_rebuilt", open_fake)
        lock = make_manifest(**{"baseline": baseline} | contents)
        (project / LOCK).write_text(dump_manifest(lock), encoding="utf-8")
        request = VerifyRequest(folder=project, env={}, lock=project / LOCK, runs=runs, build=False)
        return verify(request, progress)

    return verify_lock


def test_same_numbers_pass(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment]
) -> None:
    """The verdict names where the job ran, and how long each run took."""
    verified = verify_in(make_environment(writing('{"accuracy": 0.5}')), runs=2)

    assert ("pass", "fake environment", (2.0, 2.0)) == (
        verified.verdict.status,
        verified.environment,
        verified.seconds,
    )
    assert (NOT_OBSERVED, IN_PLACE.format(reason="no kernel to ask")) == verified.verdict.notes


def test_nothing_is_built_after_inputs_were_refused(
    project: Path,
    baseline: Baseline,
    make_manifest: Callable[..., Manifest],
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build takes minutes, and would be for nothing; --no-build refuses in the words of a missing environment."""

    def refuse(*_arguments: object) -> RebuiltEnvironment:
        raise BuildError("built")

    monkeypatch.setattr("envsnap.workflow.verify.build_first", refuse)
    locks = {
        "built": make_manifest(baseline=baseline),
        "nothing was run": make_manifest(baseline=baseline, data=(Datum(path="x.csv", size=1, sha256="0" * 64),)),
    }
    for said, lock in locks.items():
        (project / LOCK).write_text(dump_manifest(lock), encoding="utf-8")
        with pytest.raises((BuildError, InputError), match=said):
            verify(VerifyRequest(folder=project, env={}, lock=project / LOCK, target="venv"), progress)

    (project / LOCK).write_text(dump_manifest(locks["built"]), encoding="utf-8")
    with pytest.raises(BuildError, match=r"there is no virtual environment with .*: run 'envsnap build --target venv'"):
        verify(VerifyRequest(folder=project, env={}, lock=project / LOCK, target="venv", build=False), progress)


def test_a_lock_of_a_former_injection_is_replayed_with_it(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment], baseline: Baseline
) -> None:
    """Time zone and locale were this machine's then."""
    given: list[Mapping[str, str]] = []

    def act(execution: Execution) -> Completed:
        given.append(execution.env)
        return writing('{"accuracy": 0.5}')(execution)

    for version in (1, 2):
        verify_in(make_environment(act), baseline=msgspec.structs.replace(baseline, injection=version))

    assert [False, True] == ["TZ" in env for env in given]


@pytest.mark.parametrize("text", ['{"accuracy": 0.75}', '{"accuracy": NaN}', "{}", "", '{"accuracy": 0.5, "more": 1}'])
def test_other_numbers_fail(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment], text: str
) -> None:
    """So does an output that is empty, or holds what the baseline does not."""
    assert "fail" == verify_in(make_environment(writing(text))).verdict.status


def test_output_that_is_not_written_again_fails(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment], project: Path
) -> None:
    """The baseline's own file, left in the project, proves nothing; it is there again afterwards."""
    (project / "metrics.json").write_text('{"accuracy": 0.5}')

    assert "fail" == verify_in(make_environment()).verdict.status
    assert '{"accuracy": 0.5}' == (project / "metrics.json").read_text()


def test_job_does_not_run_in_an_environment_that_differs(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment], executed: list[Execution]
) -> None:
    """One file of one package is enough."""
    with pytest.raises(EnvironmentDiffersError, match="1 difference"):
        verify_in(make_environment(writing('{"accuracy": 0.5}'), content_digest="ef" * 32))

    assert executed == []


def test_job_does_not_run_on_other_inputs(
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    executed: list[Execution],
    project: Path,
    job: Job,
) -> None:
    """The message names the input and says what to do."""
    (project / "data.csv").write_text("1\n")
    locked = msgspec.structs.replace(job, inputs=("data.csv",))

    with pytest.raises(InputError, match=r"nothing was run:\n  data\.csv differs from the lock"):
        verify_in(make_environment(), job=locked, data=(Datum(path="data.csv", size=2, sha256="0" * 64),))

    assert executed == []


def test_baseline_that_was_edited_is_refused(
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    executed: list[Execution],
    project: Path,
    baseline: Baseline,
) -> None:
    """Numbers that were made to fit are no baseline."""
    recorded = project / "envsnap.baseline" / baseline.folder / "run-1" / "metrics.json"
    recorded.unlink()
    recorded.write_text('{"accuracy": 0.75}')

    with pytest.raises(InvalidFileError, match=r"is not the file that envsnap\.lock pins"):
        verify_in(make_environment(writing('{"accuracy": 0.75}')))

    assert executed == []


@pytest.mark.parametrize(
    ("contents", "said"), [({"baseline": None}, "has no baseline"), ({"job": None}, "records no job")]
)
def test_lock_without_results_cannot_be_verified(
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    contents: dict[str, None],
    said: str,
) -> None:
    """That is no pass, and the message says what to run."""
    with pytest.raises(UsageError, match=f"{said}.*envsnap freeze"):
        verify_in(make_environment(), **contents)


def test_job_that_fails_has_no_verdict(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment]
) -> None:
    """Whatever it wrote before."""

    def fail(execution: Execution) -> Completed:
        return dataclasses.replace(writing('{"accuracy": 0.5}')(execution), exit_code=3)

    with pytest.raises(JobError, match="exit code 3"):
        verify_in(make_environment(fail))


def test_gpus_are_asked_for_only_where_the_lock_records_some(
    verify_in: Callable[..., VerifyResult], make_environment: Callable[..., Environment], executed: list[Execution]
) -> None:
    """A job of a machine without a GPU runs on a machine without a GPU, whatever gpus = "all" says."""
    gpu = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559)
    verify_in(make_environment())
    verified = verify_in(make_environment(), hardware=Hardware(cpu=Cpu(vendor="v", model="m", cores=1), gpus=(gpu,)))

    assert ["none", "all"] == [execution.gpus for execution in executed]
    assert "the lock records 1 GPUs, this machine has 0" in verified.verdict.notes


def test_output_of_one_side_alone_fails(tmp_path: Path) -> None:
    """What only the job declares, and what only the baseline has; the output that both have is still compared."""
    both = tmp_path / "both.json"
    both.write_text('{"a": 1}')
    job = Job(command=("p",), outputs=tuple(JobOutput(path=path, format="json") for path in ("both", "declared")))
    names = ("both", "recorded")
    recorded = tuple(BaselineOutput(path=path, format="json", sha256=("0" * 64,), size=1) for path in names)
    baseline = Baseline(runs=2, folder="0" * 16, bitwise_repeatable=True, observed=True, outputs=recorded)
    outcome = Outcome(outputs=(output("both", both), output("declared", both)))

    verdict = _judge(job, baseline, {"both": (both,), "recorded": (both,)}, (outcome,))

    assert ("fail", "declared, recorded cannot be compared") == (verdict.status, verdict.reason)
    assert {"both": "pass", "declared": "fail", "recorded": "fail"} == {o.path: o.status for o in verdict.outputs}
    assert [NOT_RECORDED, NOT_DECLARED] == [o.reason for o in verdict.outputs if o.path != "both"]


def test_one_bad_rerun_among_many_fails(tmp_path: Path, job: Job) -> None:
    """Every rerun is compared, not the first alone."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"a": 1}')
    bad.write_text('{"a": 2}')
    recorded = BaselineOutput(path="metrics.json", format="json", sha256=("0" * 64,), size=1)
    baseline = Baseline(runs=2, folder="0" * 16, bitwise_repeatable=True, observed=True, outputs=(recorded,))
    outcomes = tuple(Outcome(outputs=(output("metrics.json", file),)) for file in (good, good, bad))

    assert "pass" == _judge(job, baseline, {"metrics.json": (good,)}, outcomes[:2]).status
    assert "fail" == _judge(job, baseline, {"metrics.json": (good,)}, outcomes).status


def test_notes_say_what_the_job_and_the_observer_changed(
    project: Path, job: Job, make_manifest: Callable[..., Manifest], baseline: Baseline
) -> None:
    """One rerun that was not observed is told, though the others were; what they share is told once."""
    manifest = make_manifest(baseline=msgspec.structs.replace(baseline, observed=True))
    changed = msgspec.structs.replace(job, seed=7)
    seen = Outcome(outputs=(), observation=Observation(python="3.11.7", variables={"MKL_CBWR": "AVX2"}))

    notes = _notes(read_project(project), manifest, changed, (seen, seen, Outcome(outputs=())))

    assert (
        "the job differs from the locked one: seed was 0, is 7",
        NOT_OBSERVED,
        "variable MKL_CBWR: not there when frozen, AVX2 now",
    ) == notes


@pytest.mark.processes
def test_note_tells_code_that_is_not_the_locked_one(project: Path, job: Job) -> None:
    """The commit, and files that differ from it; the job's own output is no change of the code."""
    git = ("git", "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@t.example")
    (project / "train.py").write_text("1")
    for arguments in (("init", "--quiet"), ("add", "train.py"), ("commit", "--quiet", "--message", "t")):
        subprocess.run((*git, *arguments), check=True)
    settings = read_project(project)
    own = own_paths(job, project)
    locked = capture_code(project, own)
    assert isinstance(locked, Code)
    (project / "metrics.json").write_text("2")
    unchanged = list(_code_notes(settings, locked, own))
    (project / "train.py").write_text("2")
    changed = list(_code_notes(settings, locked, own))

    commit = locked.commit[:12]
    assert unchanged == []
    assert [
        f"the code is not the locked one: train.py changed (locked {commit}, here {commit} with changes)"
    ] == changed
    assert [] == list(_code_notes(settings, None, own))


@pytest.mark.processes
def test_what_lies_in_the_project_by_hand_is_named(project: Path) -> None:
    """Neither a tracked file nor one of another place is told of; without a repository nothing can be."""
    for name in ("tracked.csv", "left.ckpt"):
        (project / name).write_text("1")
    reads = ["left.ckpt", "tracked.csv", "~/cache.json", "/data/x", "..hidden"]

    assert [] == list(_left_in_project(project, reads))
    for arguments in (("init", "--quiet"), ("add", "tracked.csv")):
        subprocess.run(("git", "-C", str(project), *arguments), check=True)
    (note,) = _left_in_project(project, reads)

    assert "the job read ..hidden, left.ckpt, which git does not track" in note


def test_what_is_read_elsewhere_and_was_not_at_freeze_is_named() -> None:
    """What the freeze told of as a folder was read then; where it did not tell all, nothing is said."""
    told = [Finding(kind="undeclared-input", subject=subject, detail="") for subject in ("~/a.json", "~/data/")]
    others = Finding(kind="undeclared-input", subject="others", detail="9 more")
    reads = ["~/a.json", "~/data/x", "~/cache.json", "in_project.csv"]

    (note,) = _new_outside(reads, told)

    assert "the job read ~/cache.json outside of the project, which it did not at freeze" == note
    assert [] == list(_new_outside(reads, [*told, others]))
