"""Remotes lose their logins, submodules are told, and uncommitted changes are kept so that git can apply them."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.capture.repository import PATCH_LIMIT, CapturedCode, capture_repository
from envsnap.manifest.working_tree import Code, Submodule

pytestmark = pytest.mark.processes

Git = Callable[..., str]
TOKEN = "ghp_" + "a1B2c3D4e5" * 4
AWS = "AKIA" + "QWERTYUIOP123456"


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git with an identity, and without the user's settings."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    options = ["-c", "user.name=test", "-c", "user.email=test@host.example", "-c", "protocol.file.allow=always"]

    def run(*arguments: str, folder: Path = tmp_path / "project") -> str:
        return subprocess.run(
            ["git", *options, *arguments], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    return run


@pytest.fixture
def project(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    git("init", "--quiet")
    (folder / "train.py").write_text("print(1)\n")
    (folder / "old.py").write_text("gone = True\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    return folder


def code_of(captured: CapturedCode) -> Code:
    """The working tree, which is under version control in all these tests."""
    assert isinstance(captured.code, Code)
    return captured.code


def test_a_clean_tree_has_nothing_to_keep(project: Path) -> None:
    """No patch, no finding."""
    captured = capture_repository(project, ())

    assert (None, (), "") == (captured.patch, captured.findings, code_of(captured).kept_patch)


def test_the_kept_patch_gives_the_working_tree_again(project: Path, git: Git, tmp_path: Path) -> None:
    """Changed, deleted, untracked and binary files; the repository's own index and objects stay as they were."""
    (project / "train.py").write_text("print(2)\n")
    (project / "old.py").unlink()
    (project / "new file.py").write_text("new = 1\n")
    (project / "logo.bin").write_bytes(bytes(range(256)))
    before = (git("status", "--porcelain"), git("count-objects"))

    captured = capture_repository(project, ())

    assert captured.patch is not None
    assert before == (git("status", "--porcelain"), git("count-objects"))
    git("clone", "--quiet", str(project), str(tmp_path / "again"))
    (tmp_path / "the.patch").write_bytes(captured.patch)
    git("apply", str(tmp_path / "the.patch"), folder=tmp_path / "again")
    for name in ("train.py", "new file.py", "logo.bin"):
        assert (project / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert not (tmp_path / "again" / "old.py").exists()


@pytest.mark.parametrize("name", ["train.py", "untracked.py"])
def test_a_secret_in_a_change_is_named_and_kept_nowhere(project: Path, name: str) -> None:
    """The place and the kind; never the value."""
    (project / name).write_text(f"print(1)\nkey = '{AWS}'\n")

    captured = capture_repository(project, ())

    assert captured.patch is None
    assert [("patch-left-out", "uncommitted changes"), ("secret-left-out", f"{name}:2")] == [
        (finding.kind, finding.subject) for finding in captured.findings
    ]
    assert AWS not in repr(captured)


def test_the_kept_patch_keeps_what_git_keeps(project: Path, git: Git, tmp_path: Path) -> None:
    """Modes, links, empty files, odd names, no newline at the end; a file that was staged and is gone is nothing."""
    (project / "train.py").chmod(0o755)
    (project / "link").symlink_to("train.py")
    for name, text in (("empty.py", ""), ('odd\nn"a me\t.py', "x"), ("deep/er/é.py", "no newline")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    (project / "staged.py").touch()
    git("add", "staged.py")
    (project / "staged.py").unlink()

    captured = capture_repository(project, ())

    git("clone", "--quiet", str(project), str(tmp_path / "again"))
    (tmp_path / "the.patch").write_bytes(captured.patch or b"")
    git("apply", "--index", str(tmp_path / "the.patch"), folder=tmp_path / "again")
    git("add", "--all")
    assert git("write-tree") == git("write-tree", folder=tmp_path / "again")


def test_what_is_too_large_is_left_out(project: Path) -> None:
    """A checkpoint that lies untracked is no code, and no reason to lose the code."""
    (project / "train.py").write_text("print(2)\n")
    (project / "model.ckpt").write_bytes(b"\0" * (PATCH_LIMIT + 1))

    captured = capture_repository(project, ())

    (finding,) = captured.findings
    assert captured.patch is not None
    assert b"model.ckpt" not in captured.patch
    assert ("patch-left-out", "model.ckpt", "larger than 1 MiB; commit it, or ignore it in git") == (
        finding.kind,
        finding.subject,
        finding.detail,
    )


@pytest.mark.parametrize(
    ("files", "size", "message"),
    [(3, PATCH_LIMIT // 2, "the patch is longer than 1 MiB"), (40, PATCH_LIMIT // 2, "more than 16 MiB")],
)
def test_a_patch_that_is_too_long_is_not_kept(project: Path, files: int, size: int, message: str) -> None:
    """It may be data in many files; with very much of it, git is not even asked."""
    for index in range(files):
        (project / f"{index}.bin").write_bytes(random.Random(index).randbytes(size))  # noqa: S311 - any bytes

    captured = capture_repository(project, ())

    assert (None, "") == (captured.patch, code_of(captured).kept_patch)
    assert [("patch-left-out", "uncommitted changes")] == [
        (finding.kind, finding.subject) for finding in captured.findings
    ]
    assert message in captured.findings[0].detail


def test_a_thousand_files_are_no_patch(project: Path) -> None:
    """Not all of them are named in the lock."""
    for index in range(1000):
        (project / f"{index}.txt").touch()

    captured = capture_repository(project, ())

    assert (None, "1000 files or more differ; ignore data in git") == (captured.patch, captured.findings[0].detail)


def test_a_file_of_secrets_by_its_name_is_left_out(project: Path) -> None:
    """Its values may look like any word."""
    (project / "train.py").write_text("print(2)\n")
    (project / ".env").write_text("LOGIN=simple\n")

    captured = capture_repository(project, ())

    assert captured.patch is not None
    assert b"simple" not in captured.patch
    assert [("patch-left-out", ".env")] == [(finding.kind, finding.subject) for finding in captured.findings]


@pytest.mark.parametrize("text", [b"\0\1" + AWS.encode(), f"key = '{AWS}'".encode("utf-16")])
def test_a_secret_in_a_binary_file_is_found(project: Path, text: bytes) -> None:
    """The patch holds it compressed: the file itself is looked into."""
    (project / "cache.bin").write_bytes(text)

    captured = capture_repository(project, ())

    assert captured.patch is None
    assert ("secret-left-out", "cache.bin", "AWS access key in an uncommitted change") in [
        (finding.kind, finding.subject, finding.detail) for finding in captured.findings
    ]


def test_a_repository_that_lies_inside_is_named(project: Path, git: Git) -> None:
    """A patch holds no repository."""
    (project / "cloned").mkdir()
    git("init", "--quiet", folder=project / "cloned")
    git("commit", "--quiet", "--allow-empty", "--message", "one", folder=project / "cloned")

    assert [("patch-left-out", "cloned/")] == [
        (finding.kind, finding.subject) for finding in capture_repository(project, ()).findings
    ]


def test_a_token_in_a_remote_is_named_without_its_value(project: Path, git: Git) -> None:
    """All remotes are recorded, clean."""
    git("remote", "add", "origin", f"https://{TOKEN}@git.example/team/code.git")
    git("remote", "add", "fork", "https://git.example/me/code.git")

    captured = capture_repository(project, ())

    assert {
        "fork": "https://git.example/me/code.git",
        "origin": "https://git.example/team/code.git",
    } == code_of(captured).remotes
    assert ["git remote origin"] == [finding.subject for finding in captured.findings]
    assert TOKEN not in repr(captured)


def test_a_remote_of_another_name_is_recorded(project: Path, git: Git) -> None:
    """The user name of ssh is no secret."""
    git("remote", "add", "upstream", "ssh://git@git.example/team/code.git")

    captured = capture_repository(project, ())

    assert ({"upstream": "ssh://git.example/team/code.git"}, ()) == (code_of(captured).remotes, captured.findings)


def test_a_submodule_that_git_cannot_tell_is_a_finding(project: Path, git: Git) -> None:
    """A commit of another repository in the tree, and no word of it in .gitmodules."""
    (project / ".gitmodules").write_text("")
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},library")
    git("add", ".gitmodules")
    git("commit", "--quiet", "--message", "broken")

    (finding,) = capture_repository(project, ()).findings

    assert ("unreadable", ".gitmodules") == (finding.kind, finding.subject)
    assert "no submodule mapping found" in finding.detail


def test_a_submodule_is_told_with_its_commit_and_state(project: Path, git: Git, tmp_path: Path) -> None:
    """Changed inside, and moved to another commit than the recorded one."""
    library = tmp_path / "library"
    library.mkdir()
    git("init", "--quiet", folder=library)
    git("commit", "--quiet", "--allow-empty", "--message", "one", folder=library)
    git("submodule", "--quiet", "add", str(library), "library")
    git("commit", "--quiet", "--all", "--message", "with library")
    inner = project / "library"
    clean = code_of(capture_repository(project, ())).submodules
    git("commit", "--quiet", "--allow-empty", "--message", "two", folder=inner)
    (inner / "new.py").touch()

    captured = capture_repository(project, ())

    found = code_of(captured).submodules
    assert [("patch-left-out", "submodule library")] == [
        (finding.kind, finding.subject) for finding in captured.findings
    ]
    first, second = git("rev-parse", "HEAD~1", folder=inner), git("rev-parse", "HEAD", folder=inner)
    assert (Submodule(path="library", commit=first, remote=str(library)),) == clean
    assert (Submodule(path="library", commit=second, remote=str(library), dirty=True, moved=True),) == found
