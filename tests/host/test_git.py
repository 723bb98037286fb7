"""Questions to git have the same answer under every configuration."""

import subprocess
from pathlib import Path

import pytest

from envsnap.errors import CaptureError
from envsnap.host import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and no configuration but its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in (("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CEILING_DIRECTORIES", str(tmp_path))):
        monkeypatch.setenv(name, value)
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.py").write_text("".join(f"line {number}\n" for number in range(20)))
    run(folder, "init", "-q", "-b", "main")
    run(folder, "config", "user.name", "n")
    run(folder, "config", "user.email", "n@host.example")
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", "first")
    return folder


def run(folder: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(("git", *arguments), cwd=folder, check=True)


def test_remotes_are_told_as_git_fetches_them(repository: Path) -> None:
    """With what ``insteadOf`` puts before them, and the first URL where there are several."""
    run(repository, "remote", "add", "origin", "https://host.example/a.git")
    run(repository, "remote", "set-url", "--add", "origin", "https://other.example/a.git")
    run(repository, "remote", "set-url", "--push", "origin", "https://push.example/a.git")
    run(repository, "remote", "add", "fork", "short:b c.git")
    run(repository, "config", "url.https://me:pw@host.example/.insteadOf", "short:")

    assert {"fork": "https://me:pw@host.example/b c.git", "origin": "https://host.example/a.git"} == git.remotes(
        repository
    )


def test_what_git_refuses_is_none(repository: Path) -> None:
    """No remote is no error."""
    assert "main" == git.ask(repository, "symbolic-ref", "--short", "HEAD")
    assert git.ask(repository, "remote", "get-url", "origin") is None


def test_why_git_refuses_is_in_its_own_words(repository: Path, tmp_path: Path) -> None:
    """No repository, or one of another owner: the reason says which."""
    assert git.refusal(repository) == ""
    assert "not a git repository" in git.refusal(tmp_path)


def test_a_patch_has_the_same_digest_under_every_configuration(repository: Path) -> None:
    """The user's taste in diffs is not part of the state of the code."""
    (repository / "a.py").write_text("changed\n")
    (repository / "a.py").chmod(0o755)
    plain = git.patch_digest(repository, (":/",))
    settings = {
        "diff.noprefix": "true", "diff.context": "7", "color.ui": "always", "core.abbrev": "40",
        "diff.external": "false", "diff.algorithm": "patience", "diff.renames": "copies", "diff.relative": "true",
    }  # fmt: skip
    for name, value in settings.items():
        run(repository, "config", name, value)

    assert plain == git.patch_digest(repository, (":/",))


def test_another_change_has_another_digest(repository: Path) -> None:
    """Binary contents count."""
    digests = set()
    for data in (b"\0\1", b"\0\2"):
        (repository / "a.py").write_bytes(data)
        digests.add(git.patch_digest(repository, (":/",)))

    assert 2 == len(digests)


def test_odd_names_are_told_apart(repository: Path) -> None:
    """Newlines, quotes and bytes that are not UTF-8 neither split nor hide a file."""
    names = ['quote".py', "new\nline.py", "back\\slash.py", "latin-\udce9.py", " "]
    for name in names:
        (repository / name).write_text("x")

    assert tuple(sorted(names)) == git.changed_files(repository, (":/",))


@pytest.mark.parametrize("question", [git.changed_files, git.patch_digest])
def test_a_question_that_fails_is_an_error(repository: Path, question: object) -> None:
    """A tree whose state is unknown is never called clean."""
    (repository / ".git" / "index").write_bytes(b"damaged")

    with pytest.raises(CaptureError, match=r"git (status|diff) failed in"):
        question(repository, (":/",))  # type: ignore[operator]  # two functions of one signature


@pytest.mark.processes
def test_what_git_ignores_is_told(repository: Path, tmp_path: Path) -> None:
    """By the paths that were asked for; without a repository nothing is."""
    (repository / ".gitignore").write_text("*.json\n!/kept/**\n")

    assert ("a b.json", "c/d.json") == git.ignored(repository, ("a b.json", "c/d.json", "kept/e.json", "a.py"))
    assert () == git.ignored(tmp_path, ("a.json",))
    assert () == git.ignored(repository, ())
