"""Questions to git about a working tree."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import CaptureError
from envsnap.host.files import sha256_file
from envsnap.host.process import run

LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.+\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
"""What stands in the place of a file: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""
LFS_POINTER_BYTES = 1024
SUBMODULE = re.compile(r"([ +U-]?)([0-9a-f]{40,64}) (.*?)(?: \([^()]*\))?")
REMOTE = re.compile(r"([^\t]+)\t(.*) \(fetch\)(?: \[[^]]*\])?")
PATCH_FORM = (
    "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative",
    "--submodule=short", "--diff-algorithm=myers", "--unified=3", "--inter-hunk-context=0", "--no-indent-heuristic",
    "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
"""Everything that a user's git configuration could change in a diff: the same tree gives the same digest everywhere."""


def is_available() -> bool:
    """Whether a git executable is on PATH."""
    return shutil.which("git") is not None


def ask(folder: Path, *arguments: str) -> str | None:
    """Return what ``git ARGUMENTS`` prints in ``folder``; None if git says no (no repository, no commit, no remote)."""
    done = run(("git", "--no-optional-locks", *arguments), cwd=folder, env=os.environ)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if done.exit_code == 0 else None


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: the top of the working tree, the commit, and the branch, "" where there is none."""

    top: Path
    commit: str
    branch: str


def head(folder: Path) -> Head | None:
    """Return what is checked out around ``folder``, asked for at once; None if there is no working tree or commit."""
    answer = ask(folder, "rev-parse", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD")
    if answer is None:
        return None
    top, commit, reference = answer.rsplit("\n", 2)
    return Head(Path(top), commit, reference.removeprefix("refs/heads/") if reference != "HEAD" else "")


def refusal(folder: Path) -> str:
    """Return git's own words where it does not take ``folder`` for a working tree; "" where it does."""
    done = run(("git", "rev-parse", "--show-toplevel"), cwd=folder, env={**os.environ, "LC_ALL": "C"})
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (lines[0] if lines else "git gives no reason") if done.exit_code else ""


def changed_files(folder: Path, pathspec: tuple[str, ...]) -> tuple[str, ...]:
    """Name what differs from the commit, untracked files too, relative to the top of the working tree.

    Raises:
        CaptureError: git cannot tell.
    """
    options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    entries = _demand(folder, "status", *options, "--", *pathspec).split("\0")
    return tuple(sorted(entry[3:] for entry in entries if entry))


def untracked(folder: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of the files, relative to ``folder``, that git does not track; none where there is no repository."""
    if not paths or not is_available():
        return ()
    listed = ask(folder, "--literal-pathspecs", "ls-files", "--recurse-submodules", "-z", "--", *paths)
    if listed is None:
        return ()
    tracked = frozenset(listed.split("\0"))
    return tuple(path for path in paths if os.path.normpath(path) not in tracked)


def ignored(folder: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Return those of the paths, relative to ``folder``, that git ignores; none where there is no repository."""
    if not paths or not is_available():
        return ()
    listing = b"".join(os.fsencode(path) + b"\0" for path in paths)
    done = run(("git", "check-ignore", "-z", "--stdin"), cwd=folder, env=os.environ, stdin=listing)
    return tuple(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)


def patch_digest(folder: Path, pathspec: tuple[str, ...]) -> str:
    """SHA-256 of ``git diff --binary HEAD`` over ``pathspec``; the diff goes through a file, however large it is.

    Raises:
        CaptureError: git cannot make the diff.
    """
    with tempfile.TemporaryDirectory() as scratch:
        patch = Path(scratch) / "patch"
        _demand(folder, "diff", *PATCH_FORM, f"--output={patch}", "HEAD", "--", *pathspec)
        return sha256_file(patch)[0]


def whole_patch(top: Path, names: Sequence[str], limit: int) -> bytes | None:
    """Return the binary diff against the commit over exactly these files, untracked ones among them.

    A scratch index and a scratch object store take what is new: the repository stays as it is.

    Args:
        top: the top of the working tree.
        names: relative to it.
        limit: in bytes; for a longer diff, which is then not read, None is returned.

    Raises:
        CaptureError: git cannot make the diff.
    """
    objects = top / (ask(top, "rev-parse", "--git-path", "objects") or ".git/objects")
    with tempfile.TemporaryDirectory() as scratch:
        patch = Path(scratch) / "patch"
        (Path(scratch) / "objects").mkdir()
        env = {
            **os.environ,
            "GIT_INDEX_FILE": f"{scratch}/index",
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        listing = b"".join(os.fsencode(name) + b"\0" for name in names)
        _demand(top, "read-tree", "HEAD", env=env)
        _demand(top, "update-index", "--add", "--remove", "--replace", "-z", "--stdin", env=env, stdin=listing)
        _demand(top, "diff", "--cached", *PATCH_FORM, f"--output={patch}", "HEAD", env=env)
        return patch.read_bytes() if patch.stat().st_size <= limit else None


def _demand(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None) -> str:
    """Return what git prints; where it fails, that is an error."""
    done = run(("git", "--no-optional-locks", *arguments), cwd=folder, env=env or os.environ, stdin=stdin)
    if done.exit_code:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise CaptureError(f"git {arguments[0]} failed in {folder}: {said}")
    return done.stdout.decode("utf-8", "surrogateescape")


def remotes(folder: Path) -> dict[str, str]:
    """Return the URL that git fetches each remote from, logins and all: for :func:`without_secrets`."""
    matches = map(REMOTE.fullmatch, (ask(folder, "remote", "--verbose") or "").split("\n"))
    return {match[1]: match[2] for match in matches if match}


def submodules(top: Path) -> tuple[tuple[str, str, str], ...]:
    """List the submodules as ``(state, commit, path)``: state is ``-`` for one that is not there, ``+`` for moved.

    Raises:
        CaptureError: git cannot tell, as where .gitmodules lacks one of them.
    """
    if not (top / ".gitmodules").is_file():
        return ()
    done = run(("git", "submodule", "status", "--recursive"), cwd=top, env=os.environ)
    if done.exit_code:
        raise CaptureError(f"git submodule status failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    matches = map(SUBMODULE.fullmatch, done.stdout.decode("utf-8", "surrogateescape").splitlines())
    return tuple((match[1], match[2], match[3]) for match in matches if match)


def changed_between(folder: Path, one: str, other: str, pathspec: tuple[str, ...]) -> tuple[str, ...] | None:
    """Name the files in which two commits differ, relative to the top; None where git does not know one of them."""
    listed = ask(folder, "diff", "--name-only", "--no-ext-diff", "--no-renames", "-z", one, other, "--", *pathspec)
    return None if listed is None else tuple(name for name in listed.split("\0") if name)


def top(folder: Path) -> Path | None:
    """Return the top of the working tree around ``folder``; None where there is none, or no git."""
    answer = ask(folder, "rev-parse", "--show-toplevel") if is_available() else None
    return Path(answer) if answer else None
