"""A commit's files are archived as git holds them, whatever this machine's git would make of them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.errors import BundleError
from envsnap.host import git_tree
from envsnap.host.git_tree import apply_patch, commit_members, holds_commit, top_and_place


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run git in a new repository."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "repository").mkdir()
    author = ("-c", "user.name=test", "-c", "user.email=test@host.example", "-c", "protocol.file.allow=always")

    def run(*arguments: str, folder: Path = tmp_path / "repository") -> str:
        done = subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "--quiet")
    return run


def contents(top: Path, commit: str, warned: list[str] | None = None) -> dict[str, bytes | str]:
    """The members' bytes, or where they link to."""
    found: dict[str, bytes | str] = {}
    for member in commit_members(top, commit, (warned if warned is not None else []).append):
        data = member.contents if isinstance(member.contents, bytes) else member.contents.read_bytes()
        found[member.name] = member.link if member.link is not None else data
    return found


def test_files_are_gits_own(git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line ending is turned, no attribute hides a file or fills one in; large files and odd names are there."""
    top = tmp_path / "repository"
    monkeypatch.setattr(git_tree, "BATCH_BYTES", 1000)
    files = {
        ".gitattributes": b"*.txt text eol=crlf\nhidden export-ignore\nfilled export-subst\n",
        "a.txt": b"one\ntwo\n",
        "hidden": b"there",
        "filled": b"$Format:%H$",
        "deep/n\u00e9w file": b"odd",
        "large": b"x" * 5000,
        "empty": b"",
    }
    for name, data in files.items():
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_bytes(data)
    (top / "run").write_bytes(b"#!")
    (top / "run").chmod(0o755)
    (top / "link").symlink_to("deep")
    (top / "out").symlink_to("/etc/passwd")
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    warned: list[str] = []

    found = contents(top, git("rev-parse", "HEAD"), warned)

    assert files | {"run": b"#!", "link": "deep"} == found
    assert ["out is a link out of the source: it is left out"] == warned


def test_files_that_git_lfs_keeps_elsewhere_are_told(git: Callable[..., str], tmp_path: Path) -> None:
    """The commit has pointers to them, and so has the source."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    for number in range(7):
        (tmp_path / "repository" / f"{number}.bin").write_text(pointer)
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    warned: list[str] = []

    found = contents(tmp_path / "repository", git("rev-parse", "HEAD"), warned)

    assert 7 == len(found)
    assert 1 == len(warned)
    assert "stand for: 0.bin, 1.bin, 2.bin, 3.bin, 4.bin and 2 more; bring those along" in warned[0]


def test_submodules_are_part_of_the_source(git: Callable[..., str], tmp_path: Path) -> None:
    """At the commit that the outer one names; one that is not checked out is told."""
    inner = tmp_path / "inner"
    inner.mkdir()
    git("init", "--quiet", folder=inner)
    (inner / "module.py").write_text("x = 1\n")
    git("add", "--all", folder=inner)
    git("commit", "--quiet", "--message", "inner", folder=inner)
    git("submodule", "--quiet", "add", str(inner), "lib/inner")
    git("commit", "--quiet", "--message", "outer")
    commit = git("rev-parse", "HEAD")
    top, warned = tmp_path / "repository", list[str]()

    found = contents(top, commit, warned)
    git("submodule", "--quiet", "deinit", "--all", "--force")
    without = contents(top, commit, warned)

    assert b"x = 1\n" == found["lib/inner/module.py"]
    assert {".gitmodules"} == set(without)
    assert ["the submodule lib/inner is not checked out here: it is left out of the source"] == warned


def test_project_is_found_in_its_repository(git: Callable[..., str], tmp_path: Path) -> None:
    """A project may be a folder deep in it, or in none."""
    top = tmp_path / "repository"
    (top / "deep/project").mkdir(parents=True)
    git("commit", "--quiet", "--allow-empty", "--message", "start")

    assert (top, "deep/project") == top_and_place(top / "deep/project")
    assert (top, "") == top_and_place(top)
    assert top_and_place(tmp_path) is None
    assert holds_commit(top, git("rev-parse", "HEAD"))
    assert not holds_commit(top, "1" * 40)


def test_patch_is_applied_where_it_belongs(git: Callable[..., str], tmp_path: Path) -> None:
    """In a folder of another repository too; one that does not fit, or leaves the folder, is an error."""
    del git
    folder = tmp_path / "repository" / "unpacked"
    folder.mkdir()
    (folder / "a").write_text("one\n")
    patch = tmp_path / "patch"

    patch.write_text("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+two\n")
    apply_patch(folder, patch)
    with pytest.raises(BundleError, match="the uncommitted changes do not fit the bundle's source"):
        apply_patch(folder, patch)
    for name in ("../outside", ".git/config"):
        patch.write_text(
            f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+x\n"
        )
        with pytest.raises(BundleError, match="do not fit"):
            apply_patch(folder, patch)

    assert "two\n" == (folder / "a").read_text()
    assert not (folder.parent / "outside").exists()
