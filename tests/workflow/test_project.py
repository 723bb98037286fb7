"""A project's settings, its job and its lock."""

from pathlib import Path

import pytest

from envsnap.errors import InvalidFileError, UsageError
from envsnap.manifest.job import Job
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import default_threads, job_to_freeze, read_lock, read_project

SETTINGS = '[job]\ncommand = ["python", "train.py"]\n'


def test_settings_stand_in_envsnap_toml_before_pyproject(tmp_path: Path) -> None:
    """One place rules; pyproject.toml serves where the other is not there."""
    (tmp_path / "pyproject.toml").write_text('[tool.envsnap.job]\ncommand = ["python", "other.py"]\n')
    from_pyproject = read_project(tmp_path)
    (tmp_path / "envsnap.toml").write_text(SETTINGS)
    from_own = read_project(tmp_path)

    assert from_pyproject.settings.job is not None
    assert ("python", "other.py") == from_pyproject.settings.job.command
    assert from_own.settings.job is not None
    assert ("python", "train.py") == from_own.settings.job.command
    assert "envsnap.toml" == from_own.source


def test_folder_without_settings_is_a_project_without_a_job(tmp_path: Path) -> None:
    """Its environment can be frozen, and a command given on the command line."""
    project = read_project(tmp_path)

    assert job_to_freeze(project, (), {}) is None
    assert Job(command=("python", "x.py"), threads=3) == job_to_freeze(
        project, ("python", "x.py"), {"OMP_NUM_THREADS": "3"}
    )


def test_missing_folder_and_missing_lock_are_usage_errors(tmp_path: Path, progress: Progress) -> None:
    """Both name the path, the lock says how to write one."""
    with pytest.raises(UsageError, match="no such folder"):
        read_project(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="envsnap freeze"):
        read_lock(tmp_path / "envsnap.lock", progress)


def test_settings_that_are_no_text_are_named(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are an error with the file's name."""
    (tmp_path / "envsnap.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidFileError, match=r"envsnap\.toml cannot be read"):
        read_project(tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"), [("4", 4), (" 4,2", 4), ("0", None), ("many", None), ("\u00b2", None), ("", None)]
)
def test_threads_follow_omp_num_threads(value: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenMP's own variable decides, the usable cores where it says nothing."""
    monkeypatch.setattr("envsnap.workflow.project.usable_cores", lambda: 7)

    assert (expected or 7) == default_threads({"OMP_NUM_THREADS": value})
