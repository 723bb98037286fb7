"""Questions to git about a working tree."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from envsnap.errors import CaptureError
from envsnap.host.files import sha256_file
from envsnap.host.process import run

REMOTE_LIMIT = 2048
SUBMODULE = re.compile(r"([ +U-]?)([0-9a-f]{40,64}) (.*?)(?: \([^()]*\))?")
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


def whole_patch(top: Path, names: Sequence[str], limit: int) -> bytes | None:
    """Return the binary diff against the commit over exactly these files, untracked ones among them.

    A scratch index and a scratch object store take what ``git add`` writes: the repository stays as it is.

    Args:
        top: the top of the working tree.
        names: relative to it.
        limit: in bytes; for a longer diff, which is then not read, None is returned.

    Raises:
        CaptureError: git cannot make the diff.
    """
    objects = top / (ask(top, "rev-parse", "--git-path", "objects") or ".git/objects")
    with tempfile.TemporaryDirectory() as scratch:
        patch, listing = Path(scratch) / "patch", Path(scratch) / "names"
        listing.write_bytes(b"\0".join(os.fsencode(name) for name in names))
        (Path(scratch) / "objects").mkdir()
        env = {
            **os.environ,
            "GIT_INDEX_FILE": f"{scratch}/index",
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        add = ("add", "--all", "--force", f"--pathspec-from-file={listing}", "--pathspec-file-nul")
        for command in (("read-tree", "HEAD"), add, ("diff", "--cached", *PATCH_FORM, f"--output={patch}", "HEAD")):
            done = run(("git", *command), cwd=top, env=env)
            if done.exit_code:
                said = done.stderr.decode("utf-8", "replace").strip()
                raise CaptureError(f"git {command[0]} failed in {top}: {said}")
        return patch.read_bytes() if patch.stat().st_size <= limit else None


def remotes(folder: Path) -> dict[str, str]:
    """Return the URL of each remote as it is configured, logins and all: for :func:`without_credentials`."""
    listed = ask(folder, "config", "--null", "--get-regexp", r"^remote\..*\.url$") or ""
    pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
    return {key.removeprefix("remote.").removesuffix(".url"): url for key, _, url in pairs}


def submodules(top: Path) -> tuple[tuple[str, str, str], ...]:
    """List the submodules as ``(state, commit, path)``: state is ``-`` for one that is not there, ``+`` for moved."""
    if not (top / ".gitmodules").is_file():
        return ()
    listed = ask(top, "submodule", "status", "--recursive") or ""
    matches = map(SUBMODULE.fullmatch, listed.splitlines())
    return tuple((match[1], match[2], match[3]) for match in matches if match)


def is_same_tree(folder: Path, one: str, other: str, pathspec: tuple[str, ...]) -> bool:
    """Whether two commits hold the same files over ``pathspec``; False where git does not know one of them."""
    return ask(folder, "diff", "--name-only", "--no-ext-diff", one, other, "--", *pathspec) == ""


def without_credentials(url: str) -> str:
    """Remove user name, password and query from a URL; ``git@host:path`` names no secret and stays."""
    return QUERY.sub(r"\1", CREDENTIALS.sub(r"\1", url))[:REMOTE_LIMIT]
