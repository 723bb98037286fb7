"""New numbers become the baseline only with a reason, as a whole, and where a verify could pass with them."""

import contextlib
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envsnap.capture.hardware import NvmlFacts
from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import EnvironmentDiffersError, EnvsnapError, InputError, JobError, UsageError
from envsnap.host.files import sha256_file
from envsnap.host.own_places import BASELINE, LOCK
from envsnap.manifest.accepted import Accepted, AcceptedOutput
from envsnap.manifest.finding import Finding
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import dump_manifest, parse_manifest
from envsnap.manifest.manifest import Baseline, Contents, Manifest
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.run.baseline import record_baseline
from envsnap.workflow.accept import MOST_ENTRIES, MOST_OUTPUTS, NOTHING, check_acceptable
from envsnap.workflow.environments import RebuiltEnvironment, last_builds
from envsnap.workflow.progress import Progress
from envsnap.workflow.verify import VerifyRequest, VerifyResult, is_own_lock, verify

pytestmark = pytest.mark.processes  # git

OLD, NEW = '{"accuracy": 0.5}', '{"accuracy": 0.75}'


def writing(*texts: str) -> Callable[[Execution], Completed]:
    """A job that writes one text after the other into its output, the last one from then on."""
    left = list(texts)

    def act(execution: Execution) -> Completed:
        (execution.workdir / "metrics.json").write_text(left.pop(0) if len(left) > 1 else left[0])
        return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=2.0)

    return act


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(("git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments), check=True)


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("verify", "accept"):
        monkeypatch.setattr(f"envsnap.workflow.{place}.query_gpus", NvmlFacts)


@pytest.fixture
def repository(project: Path) -> Path:
    """The project as a repository with one commit."""
    (project / "train.py").write_text("1\n")
    git(project, "init", "--quiet")
    git(project, "add", "train.py")
    git(project, "commit", "--quiet", "--message", "t")
    return project


@pytest.fixture
def baseline(project: Path, tmp_path: Path) -> Baseline:
    """The recorded output of two runs."""
    recorded = tmp_path / "recorded.json"
    recorded.write_text(OLD)
    sha256, size = sha256_file(recorded)
    outcome = Outcome(
        outputs=(RecordedOutput(path="metrics.json", format="json", file=recorded, sha256=sha256, size=size),)
    )
    return record_baseline([outcome, outcome], project)


@pytest.fixture
def freeze(project: Path, baseline: Baseline, make_manifest: Callable[..., Manifest]) -> Callable[..., Manifest]:
    """Write a lock that has the baseline, with these contents changed."""

    def write(**contents: Any) -> Manifest:
        manifest = make_manifest(**{"baseline": baseline} | contents)
        (project / LOCK).write_text(dump_manifest(manifest), encoding="utf-8")
        return manifest

    return write


@pytest.fixture
def verify_in(project: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> Callable[..., VerifyResult]:
    """Verify the project's lock in an environment, with or without a reason to accept."""

    def verify_lock(environment: Environment, accept: str | None = None, runs: int = 1) -> VerifyResult:
        @contextlib.contextmanager
        def open_fake(_rebuilt: RebuiltEnvironment, _env: Mapping[str, str]) -> Iterator[Environment]:
            yield environment

        monkeypatch.setattr("envsnap.workflow.verify.open_rebuilt", open_fake)
        request = VerifyRequest(
            folder=project, env={}, lock=project / LOCK, target="venv", runs=runs, build=False, accept=accept
        )
        return verify(request, progress)

    return verify_lock


def read(project: Path) -> Contents:
    """The contents of the project's lock."""
    manifest, warnings = parse_manifest((project / LOCK).read_text(encoding="utf-8"), source=LOCK)
    assert () == warnings
    return manifest.contents


def state(project: Path) -> dict[str, bytes]:
    """Lock and baseline, to the byte."""
    files = [project / LOCK, *(path for path in (project / BASELINE).rglob("*") if path.is_file())]
    return {str(path.relative_to(project)): path.read_bytes() for path in files}


def entry(contents: Contents) -> Accepted:
    """The last entry."""
    assert contents.baseline is not None
    assert contents.baseline.accepted is not None
    return contents.baseline.accepted[-1]


def test_new_numbers_become_the_baseline(
    repository: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """With the runs that the job asks for; the next verify passes bit for bit, and the former recording is gone."""
    former = freeze()

    verified = verify_in(make_environment(writing(NEW)), "a larger step ")
    contents = read(repository)
    again = verify_in(make_environment(writing(NEW)))

    baseline = contents.baseline
    assert baseline is not None
    assert ("fail", "pass") == (verified.verdict.status, again.verdict.status)
    assert all(output.bitwise for output in again.verdict.outputs)
    assert (2, 2, True) == (len(verified.seconds), baseline.runs, baseline.bitwise_repeatable)
    assert contents.code is not None
    old, new = (one.baseline.outputs[0].sha256[0] for one in (former.contents, contents) if one.baseline)
    assert (
        AcceptedOutput(path="metrics.json", before=old, after=new, summary="accuracy: 0.5 -> 0.75")
        == (entry(contents).outputs[0])
    )
    assert ("a larger step", contents.code.commit, 0) == (
        entry(contents).reason,
        entry(contents).commit,
        entry(contents).others,
    )
    assert [baseline.folder] == [path.name for path in (repository / BASELINE).iterdir()]
    assert verified.accepted is not None
    assert verified.accepted.snapshot.digest == last_builds(repository)[0].digest


def outside_of_snapshot_and_baseline(text: str) -> list[str]:
    """The tables of a lock, each as its text, but these two."""
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    return [table for table in tables if not re.match(r"\[+(snapshot|baseline)\b", table)]


def test_all_else_in_the_lock_stays_byte_for_byte(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """A reviewer sees the numbers, and nothing beside them."""
    freeze(findings=(Finding(kind="tf32", subject="torch", detail="on"),))
    before = (project / LOCK).read_text()

    verify_in(make_environment(writing(NEW)), "why")

    after = (project / LOCK).read_text()
    documents = [tomllib.loads(text) for text in (before, after)]
    assert {"snapshot", "baseline"} == {key for key in documents[1] if documents[0].get(key) != documents[1][key]}
    assert outside_of_snapshot_and_baseline(before) == outside_of_snapshot_and_baseline(after)
    assert "accepted" not in before


def test_former_entries_stay_up_to_a_limit(
    project: Path,
    baseline: Baseline,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """The history of the lock has the others."""
    entries = tuple(Accepted(reason=str(number), accepted_at="2026-01-02") for number in range(MOST_ENTRIES))
    freeze(baseline=msgspec.structs.replace(baseline, accepted=entries))

    verify_in(make_environment(writing(NEW)), "the last")

    recorded = read(project).baseline
    assert recorded is not None
    assert recorded.accepted is not None
    reasons = [one.reason for one in recorded.accepted]
    assert [*map(str, range(1, MOST_ENTRIES)), "the last"] == reasons


def test_the_same_numbers_leave_the_lock_alone(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    told: list[str],
) -> None:
    """There is nothing to accept, and that is said."""
    freeze()
    before = state(project)

    verified = verify_in(make_environment(writing(OLD)), "why")

    assert ("pass", None) == (verified.verdict.status, verified.accepted)
    assert f"stage: {NOTHING}" in told
    assert before == state(project)


def test_numbers_within_tolerance_that_are_not_the_same_can_be_accepted(
    project: Path,
    job: Job,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """Runs that are not alike are all recorded; all of them, where more were asked for than the job does."""
    outputs = (JobOutput(path="metrics.json", format="json", tolerance={"accuracy": "ignore"}),)
    freeze(job=msgspec.structs.replace(job, outputs=outputs))
    texts = [f'{{"accuracy": 0.{digit}, "b": 1}}' for digit in (1, 2, 3)]

    verify_in(make_environment(writing(*texts)), "why", runs=3)

    baseline = read(project).baseline
    assert baseline is not None
    assert (3, False, 3) == (baseline.runs, baseline.bitwise_repeatable, len(baseline.outputs[0].sha256))


def test_job_as_it_was_run_is_taken_over_and_named(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """So is an output that it declares anew."""
    freeze()
    (project / "envsnap.toml").write_text(
        '[job]\ncommand = ["python", "train.py"]\nseed = 7\nruns = 1\n'
        '[[job.outputs]]\npath = "metrics.json"\n[[job.outputs]]\npath = "more.json"\n'
    )

    def act(execution: Execution) -> Completed:
        (execution.workdir / "more.json").write_text(NEW)
        return writing(NEW)(execution)

    verify_in(make_environment(act), "why")

    contents = read(project)
    assert contents.job is not None
    assert (7, 2) == (contents.job.seed, len(contents.job.outputs))
    assert "the job differs from the locked one: seed was 0, is 7" in entry(contents).notes
    assert {"more.json": "the job declares it anew", "metrics.json": "accuracy: 0.5 -> 0.75"} == {
        output.path: output.summary for output in entry(contents).outputs
    }
    assert "pass" == verify_in(make_environment(act)).verdict.status


def test_code_that_is_not_committed_is_kept_as_at_freeze(
    repository: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """Findings about the former code go with it."""
    former = (
        Finding(kind="patch-left-out", subject="data.bin", detail="it is longer than 1 MiB"),
        Finding(kind="tf32", subject="torch", detail="on"),
    )
    freeze(findings=former)
    (repository / "train.py").write_text("2\n")

    verify_in(make_environment(writing(NEW)), "why")

    contents = read(repository)
    assert contents.code is not None
    assert (True, ["train.py"]) == (contents.code.dirty, [file.path for file in contents.code.changed])
    assert b"+2\n" in (repository / BASELINE / "patches" / f"{contents.code.kept_patch}.patch").read_bytes()
    assert former[1:] == contents.findings


def fail(execution: Execution) -> Completed:
    """A job that fails after it wrote."""
    return replace(writing(NEW)(execution), exit_code=3)


def write_nothing(_execution: Execution) -> Completed:
    """A job that forgets its output."""
    return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=1.0)


REFUSED: dict[str, tuple[type[EnvsnapError], dict[str, Any], dict[str, str], Callable[[Execution], Completed]]] = {
    "nothing was run": (InputError, {"data": (Datum(path="x", size=1, sha256="0" * 64),)}, {}, writing(NEW)),
    "1 difference": (EnvironmentDiffersError, {}, {"content_digest": "ef" * 32}, writing(NEW)),
    "exit code 3": (JobError, {}, {}, fail),
    "metrics.json: .*: it was never written": (JobError, {}, {}, write_nothing),
    "accuracy: .*NaN": (JobError, {}, {}, writing('{"accuracy": NaN}')),
    "metrics.json: .*: it is empty": (JobError, {}, {}, writing(NEW, "")),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_refused_leaves_lock_and_baseline(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    said: str,
) -> None:
    """Other inputs and another environment are no new numbers, and what cannot pass is no baseline."""
    kind, contents, changes, act = REFUSED[said]
    freeze(**contents)
    before = state(project)

    with pytest.raises(kind, match=said):
        verify_in(make_environment(act, **changes), "why")

    assert before == state(project)


def test_numbers_of_another_gpu_are_refused_before_the_job_runs(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    executed: list[Execution],
) -> None:
    """The lock would say that they came from the one that it records."""
    gpu = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559)
    freeze(hardware=Hardware(cpu=Cpu(vendor="v", model="m", cores=1), gpus=(gpu,)))
    before = state(project)

    with pytest.raises(EnvironmentDiffersError, match="recorded with NVIDIA H100, and this machine has no GPU"):
        verify_in(make_environment(writing(NEW)), "why")

    assert (before, []) == (state(project), executed)


def test_lock_that_changed_while_the_job_ran_is_left_alone(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its numbers were not those that the verdict is on."""
    freeze()
    monkeypatch.setattr("envsnap.workflow.verify.check_untouched", lambda *_arguments: freeze(job=None))

    with pytest.raises(UsageError, match="changed while the job ran"):
        verify_in(make_environment(writing(NEW)), "why")

    assert read(project).job is None


def test_lock_of_a_newer_schema_is_not_rewritten(
    project: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """What this envsnap does not know would be lost."""
    freeze()
    text = (project / LOCK).read_text()
    (project / LOCK).write_text(text.replace('schema-version = "1.', 'schema-version = "1.99', 1))

    with pytest.raises(UsageError, match=r"newer than .* accept with the envsnap that wrote the lock"):
        verify_in(make_environment(writing(NEW)), "why")


def test_crash_before_the_lock_is_written_leaves_the_former_numbers(
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both recordings stand side by side until the lock names one of them."""
    freeze()

    def crash(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("envsnap.workflow.accept.write_lock", crash)
    with pytest.raises(KeyboardInterrupt):
        verify_in(make_environment(writing(NEW)), "why")

    assert "pass" == verify_in(make_environment(writing(OLD))).verdict.status


def test_many_outputs_are_counted(
    project: Path,
    tmp_path: Path,
    freeze: Callable[..., Manifest],
    verify_in: Callable[..., VerifyResult],
    make_environment: Callable[..., Environment],
) -> None:
    """A lock is read by people; what steers a terminal, or looks like a secret, does not reach it."""
    names = [f"{number:02}.json" for number in range(MOST_OUTPUTS + 3)]
    (tmp_path / "old.json").write_text('{"a\\u001b": "ghp_' + "a1" * 18 + '"}')
    sha256, size = sha256_file(tmp_path / "old.json")
    outputs = tuple(
        RecordedOutput(path=name, format="json", file=tmp_path / "old.json", sha256=sha256, size=size) for name in names
    )
    baseline = record_baseline([Outcome(outputs=outputs)] * 2, project)
    freeze(
        baseline=baseline,
        job=Job(command=("p",), outputs=tuple(JobOutput(path=name, format="json") for name in names)),
    )

    def act(execution: Execution) -> Completed:
        for name in names:
            (execution.workdir / name).write_text('{"a\\u001b": "x"}')
        return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=1.0)

    verify_in(make_environment(act), "why")

    accepted = entry(read(project))
    assert (MOST_OUTPUTS, 3) == (len(accepted.outputs), accepted.others)
    assert {r"a\x1b: '***' -> 'x'"} == {output.summary for output in accepted.outputs}


@pytest.mark.parametrize("reason", ["", " \t", "two\nlines", "x" * 501, "\x1b[2J", "\udc80", f"ghp_{'a1' * 18}"])
def test_reason_that_says_nothing_or_too_much_is_refused(reason: str) -> None:
    """It stands in the lock, for everybody to read."""
    with pytest.raises(UsageError, match="--accept"):
        check_acceptable(reason, is_own_lock=True, is_whole=True)


@pytest.mark.parametrize(
    ("own", "whole", "told"), [(False, True, "name no other lock and no bundle"), (True, False, "--prefix looks at a")]
)
def test_only_whole_runs_and_the_projects_own_lock_are_taken(*, own: bool, whole: bool, told: str) -> None:
    """A part of the baseline, or the lock of a bundle, is nobody's to rewrite."""
    with pytest.raises(UsageError, match=told):
        check_acceptable("why", is_own_lock=own, is_whole=whole)


def test_the_projects_own_lock_is_known_however_it_is_spelled(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other one is taken for it."""
    monkeypatch.chdir(project)
    own = (None, project / LOCK, Path(LOCK), project / ".." / project.name / LOCK)

    assert all(is_own_lock(VerifyRequest(folder=project, env={}, lock=lock)) for lock in own)
    for lock, bundle in ((tmp_path / LOCK, None), (project / "gpu.lock", None), (None, tmp_path)):
        assert not is_own_lock(VerifyRequest(folder=project, env={}, lock=lock, bundle=bundle))
