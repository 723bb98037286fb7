"""The state of the code is what git says it is, without what the job writes and without secrets."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from envsnap.capture import code
from envsnap.capture.code import capture_code, is_same_code
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.working_tree import Code

pytestmark = pytest.mark.processes


def git(folder: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(("git", *arguments), cwd=folder, check=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project deep in a repository with one commit."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "repository" / "deep" / "project"
    folder.mkdir(parents=True)
    (folder / "train.py").write_text("x")
    (folder / "metrics.json").write_text("{}")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        git(tmp_path / "repository", "-c", "user.name=n", "-c", "user.email=n@host.example", *command)
    return folder


def capture(project: Path, *own: str) -> Code:
    """Capture a tree that git knows."""
    code = capture_code(project, own)
    assert isinstance(code, Code)
    return code


def test_a_clean_tree(project: Path) -> None:
    """Commit, branch and a remote without its login."""
    git(project, "remote", "add", "origin", "https://someone:s3cret@git.example/a.git")

    code = capture(project)

    assert ("main", "https://git.example/a.git", False, "", ()) == (
        code.branch,
        code.remote,
        code.dirty,
        code.patch,
        code.changed,
    )
    assert 40 == len(code.commit)


def test_changes_anywhere_in_the_repository_are_named(project: Path) -> None:
    """Changed, deleted and untracked files, relative to the repository, each with its digest."""
    (project / "train.py").write_text("y")
    (project / "metrics.json").unlink()
    (project.parent / "library.py").write_text("z")

    code = capture(project)

    expected = {
        "deep/library.py": hashlib.sha256(b"z").hexdigest(),
        "deep/project/metrics.json": "",
        "deep/project/train.py": hashlib.sha256(b"y").hexdigest(),
    }
    assert expected == {file.path: file.sha256 for file in code.changed}
    assert (True, 64) == (code.dirty, len(code.patch))


def test_what_envsnap_and_the_job_write_is_never_dirty(project: Path) -> None:
    """Names with characters that git takes for patterns are names; compiled files are nobody's."""
    (project / "metrics.json").write_text("[]")
    for name in ("envsnap.lock", "envsnap.baseline/1/a", "out[1].json", "__pycache__/x.pyc", "../__pycache__/y.pyc"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")

    code = capture(project, "metrics.json", "envsnap.lock", "envsnap.baseline", "out[1].json")

    assert ((), False) == (code.changed, code.dirty)
    (project / "out1.json").write_text("x")
    assert ["deep/project/out1.json"] == [file.path for file in capture(project, "out[1].json", "envsnap.lock",
        "envsnap.baseline", "metrics.json").changed]  # fmt: skip


def test_hostile_names_are_kept_apart_and_can_be_stored(project: Path) -> None:
    """A lock is UTF-8."""
    for name in ("new\nline", 'quote"', "latin-\udce9"):
        (project / name).write_text("x")

    names = [file.path for file in capture(project).changed]

    assert ["deep/project/" + name for name in ("latin-\\xe9", "new\nline", 'quote"')] == sorted(names)
    assert all(name.encode() for name in names)


def test_large_files_are_named_and_not_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untracked checkpoint is not source code; neither are very many files."""
    with (project / "checkpoint.pt").open("wb") as file:
        file.truncate(100 * 2**30)
    assert [("deep/project/checkpoint.pt", "")] == [(file.path, file.sha256) for file in capture(project).changed]

    monkeypatch.setattr(code, "HASHED_TOTAL_LIMIT", 5)
    monkeypatch.setattr(code, "CHANGED_LIMIT", 3)
    for name in "abcd":
        (project / name).write_text("123")

    assert [True, False, False] == [bool(file.sha256) for file in capture(project).changed]


def test_links_stand_for_themselves(project: Path, tmp_path: Path) -> None:
    """What lies behind one is not part of the tree; a pipe would never end."""
    (tmp_path / "private").write_text("secret")
    (project / "link").symlink_to(tmp_path / "private")

    assert [hashlib.sha256(str(tmp_path / "private").encode()).hexdigest()] == [
        file.sha256 for file in capture(project).changed
    ]


def test_a_folder_outside_of_git_is_not_captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is git's, or that there is nothing committed, or no git."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    outside = capture_code(tmp_path, ())
    git(tmp_path, "init", "-q")
    empty = capture_code(tmp_path, ())
    monkeypatch.setenv("PATH", "/nonexistent")
    without = capture_code(tmp_path, ())

    assert isinstance(outside, UncapturedFact)
    assert "not a git repository" in outside.reason
    assert UncapturedFact(what="code", reason="the repository has no commit yet") == empty
    assert UncapturedFact(what="code", reason="no git executable is on PATH") == without


def test_commit_that_adds_the_lock_is_the_same_code(project: Path) -> None:
    """A lock is committed after it was written: its own commit changes no code, another commit may."""
    locked = capture(project, "envsnap.lock")
    (project / "envsnap.lock").write_text("lock")
    git(project, "add", "--all")
    author = ("-c", "user.name=n", "-c", "user.email=n@host.example")
    git(project, *author, "commit", "--quiet", "--message", "lock")
    with_lock = capture(project, "envsnap.lock")
    (project / "train.py").write_text("y")
    git(project, *author, "commit", "--quiet", "--all", "--message", "change")
    changed = capture(project, "envsnap.lock")

    assert locked.commit != with_lock.commit
    assert is_same_code(project, ("envsnap.lock",), locked, with_lock)
    assert not is_same_code(project, ("envsnap.lock",), locked, changed)
    assert not is_same_code(project, (), locked, with_lock)
