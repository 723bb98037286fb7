"""Questions to git about a working tree."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from envsnap.errors import CaptureError
from envsnap.host.files import sha256_file
from envsnap.host.process import run

REMOTE_LIMIT = 2048
CREDENTIALS = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", re.IGNORECASE)
QUERY = re.compile(r"^(https?://[^?#]*)[?#].*$", re.IGNORECASE | re.DOTALL)
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
    command = ("git", "--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    done = run((*command, "--", *pathspec), cwd=folder, env=os.environ)
    if done.exit_code:
        raise CaptureError(f"git status failed in {folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
    entries = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return tuple(sorted(entry[3:] for entry in entries if entry))


def patch_digest(folder: Path, pathspec: tuple[str, ...]) -> str:
    """SHA-256 of ``git diff --binary HEAD`` over ``pathspec``; the diff goes through a file, however large it is.

    Raises:
        CaptureError: git cannot make the diff.
    """
    with tempfile.TemporaryDirectory() as scratch:
        patch = Path(scratch) / "patch"
        command = ("git", "--no-optional-locks", "diff", *PATCH_FORM, f"--output={patch}", "HEAD", "--", *pathspec)
        done = run(command, cwd=folder, env=os.environ)
        if done.exit_code:
            raise CaptureError(f"git diff failed in {folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return sha256_file(patch)[0]


def is_same_tree(folder: Path, one: str, other: str, pathspec: tuple[str, ...]) -> bool:
    """Whether two commits hold the same files over ``pathspec``; False where git does not know one of them."""
    return ask(folder, "diff", "--name-only", "--no-ext-diff", one, other, "--", *pathspec) == ""


def without_credentials(url: str) -> str:
    """Remove user name, password and query from a URL; ``git@host:path`` names no secret and stays."""
    return QUERY.sub(r"\1", CREDENTIALS.sub(r"\1", url))[:REMOTE_LIMIT]
