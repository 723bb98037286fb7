"""A lock is compared with another one or with what stands here; nothing is run and nothing is written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import SCHEMA_VERSION, Baseline, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.working_tree import Code
from envsnap.workflow.diff import HERE, DiffRequest, DiffResult, diff
from envsnap.workflow.probing import CaptureRequest
from envsnap.workflow.progress import Progress

BASELINE = Baseline(runs=1, folder="0" * 16, bitwise_repeatable=True, observed=True, outputs=())
PYTHON = Path(sys.executable)
ENV = {"PATH": os.environ["PATH"]}
Compare = Callable[..., DiffResult]
Write = Callable[..., Path]


@pytest.fixture
def write(make_manifest: Callable[..., Manifest], tmp_path: Path) -> Write:
    """Write a lock of this name, with these contents changed."""

    def to(name: str, **changes: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dump_manifest(make_manifest(**changes)), encoding="utf-8")
        return path

    return to


@pytest.fixture
def compare(project: Path, progress: Progress) -> Compare:
    """Compare in the project."""

    def run(a: Path, b: Path | None = None, env: dict[str, str] | None = None, **options: Any) -> DiffResult:
        here = CaptureRequest(folder=project, env=ENV | (env or {}), offline=True, **options)
        return diff(DiffRequest(a=a, b=b, here=here), progress)

    return run


def rows(compared: DiffResult) -> list[tuple[str, str | None, str | None]]:
    """What differs, as the table has it."""
    return [(one.what, one.a, one.b) for one in compared.diff.differences]


def test_two_locks(write: Write, compare: Compare) -> None:
    """Each goes by its file's name, or by its path where the names are the same."""
    a, b = write("a.lock"), write("b.lock", numerics=Numerics(threads=4))
    again = write("other/a.lock")

    assert [("threads", "1", "4")] == rows(compare(a, b))
    assert ("a.lock", "b.lock") == compare(a, b).names
    assert (str(a), str(again)) == compare(a, again).names
    assert [] == rows(compare(a, a))


def test_a_lock_that_is_not_there_or_none(write: Write, compare: Compare, tmp_path: Path) -> None:
    """Either side is checked."""
    good, bad, damaged = write("good.lock"), tmp_path / "bad.lock", write("damaged.lock")
    bad.write_text("no lock", encoding="utf-8")
    damaged.write_text(damaged.read_text(encoding="utf-8").replace("3.11.7", "3.11.8"), encoding="utf-8")

    with pytest.raises(UsageError, match=r"there is no .*gone\.lock"):
        compare(good, tmp_path / "gone.lock")
    with pytest.raises(InvalidFileError, match=r"bad\.lock: not valid TOML"):
        compare(bad, good)
    with pytest.raises(InvalidFileError, match=r"damaged\.lock: the contents do not match"):
        compare(good, damaged)
    with pytest.raises(UsageError, match=r"and so does the second lock: leave one out"):
        compare(good, good, python=PYTHON)


def test_a_newer_schema_is_warned_of(write: Write, compare: Compare, told: list[str]) -> None:
    """Keys that this version does not know are not compared."""
    a, b = write("a.lock"), write("b.lock")
    b.write_text(b.read_text(encoding="utf-8").replace(f'"{SCHEMA_VERSION}"', '"1.999"'), encoding="utf-8")

    assert [] == rows(compare(a, b))
    assert any(text.startswith("warning: b.lock: written for schema 1.999") for text in told)


def test_an_older_schema_is_said(write: Write, compare: Compare) -> None:
    """What the older lock's file does not hold was not recorded."""
    a, b = write("a.lock"), write("b.lock", numerics=Numerics(threads=4))
    a.write_text(a.read_text(encoding="utf-8").replace(f'"{SCHEMA_VERSION}"', '"1.0"'), encoding="utf-8")

    compared = compare(a, b)

    assert [("threads", "1", "4")] == rows(compared)
    assert ["a.lock: an older envsnap wrote it"] == [note.reason for note in compared.diff.not_compared]


def test_a_side_without_a_run_gets_the_variables_of_one(write: Write, compare: Compare, job: Job) -> None:
    """envsnap sets the hash seed, the threads and the switches of determinism: that they are set is no difference."""
    variables = {
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "FLASH_ATTENTION_DETERMINISTIC": "1",
        "NVTE_ALLOW_NONDETERMINISTIC_ALGO": "0",
        "OMP_DYNAMIC": "FALSE",
        "MKL_DYNAMIC": "FALSE",
        "PYTHONHASHSEED": "0",
        "TF_DETERMINISTIC_OPS": "1",
        "TORCHINDUCTOR_DETERMINISTIC": "1",
        "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    }
    names = ("BLIS", "MKL", "NUMEXPR", "OMP", "OPENBLAS")
    variables |= {f"{name}_NUM_THREADS": "1" for name in names} | {"VECLIB_MAXIMUM_THREADS": "1"}
    ran = write("ran.lock", job=job, baseline=BASELINE, numerics=Numerics(threads=1, env=variables))
    static = write("static.lock", job=job, numerics=Numerics(threads=1, env={"MKL_CBWR": "AVX2"}))

    assert [("MKL_CBWR", None, "AVX2")] == rows(compare(ran, static))
    assert [("MKL_CBWR", "AVX2", None)] == rows(compare(static, ran))


@pytest.mark.processes
def test_the_commit_that_adds_the_lock_is_no_other_code(
    write: Write, compare: Compare, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that changes a script is."""
    monkeypatch.setenv("HOME", str(project.parent))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git(project, "init", "-q")
    commits = []
    for name in ("train.py", "envsnap.lock", "model.py"):
        (project / name).write_text(name, encoding="utf-8")
        commits.append(commit(project))
    first, locked, changed = (
        write(f"{number}.lock", code=Code(vcs="git", commit=commit)) for number, commit in enumerate(commits)
    )

    assert not compare(first, locked).diff.moves_numbers
    assert ["commit (same files)"] == [one.what for one in compare(first, locked).diff.differences]
    assert compare(locked, changed).diff.moves_numbers


def test_a_commit_that_is_none_never_reaches_git(write: Write) -> None:
    """git would take it for an option, and write a file: such a lock is neither written nor read."""
    with pytest.raises(CaptureError, match=r"code\.commit"):
        write("a.lock", code=Code(vcs="git", commit="--output=a.lock"))


@pytest.mark.processes
def test_what_stands_here(project: Path, compare: Compare) -> None:
    """Nothing differs after a freeze; a variable and an input that are changed do; no file is touched."""
    settings = '[job]\ncommand = ["python", "train.py"]\ninputs = ["data.csv"]\n'
    (project / "envsnap.toml").write_text(settings, encoding="utf-8")
    (project / "data.csv").write_text("1", encoding="utf-8")
    freeze_here(project)
    lock, before = project / "envsnap.lock", snapshot(project)

    same = compare(lock, python=PYTHON)
    (project / "data.csv").write_text("22", encoding="utf-8")
    changed = compare(lock, env={"MKL_CBWR": "AVX2"}, python=PYTHON)

    assert [] == rows(same)
    assert (lock.name, HERE) == same.names
    assert ["data.csv", "MKL_CBWR"] == [one.what for one in changed.diff.differences]
    assert before == {**snapshot(project), "data.csv": before["data.csv"]}


@pytest.mark.processes
def test_settings_that_are_left_open_are_the_locked_ones(project: Path, compare: Compare) -> None:
    """A rerun would take the thread count of the lock, whatever this machine's cores are."""
    (project / "envsnap.toml").write_text('[job]\ncommand = ["python", "train.py"]\n', encoding="utf-8")
    freeze_here(project, OMP_NUM_THREADS="7")

    assert [("OMP_NUM_THREADS", "7", None)] == rows(compare(project / "envsnap.lock", python=PYTHON))


def freeze_here(project: Path, **env: str) -> None:
    """Write a lock of this interpreter without running the job."""
    command = (
        "-m",
        "envsnap",
        "freeze",
        "--no-run",
        "--offline",
        "--python",
        sys.executable,
        "--project",
        str(project),
    )
    subprocess.run((sys.executable, *command), check=True, env=ENV | env, capture_output=True)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody."""
    who = ("-c", "user.name=n", "-c", "user.email=n@host.example")
    return subprocess.run(("git", *who, *arguments), cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> str:
    """Commit all."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "m")
    return git(folder, "rev-parse", "HEAD").strip()


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
