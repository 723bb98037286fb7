"""Questions to git about a working tree."""

import hashlib
import os
import re
import shutil
from pathlib import Path

from envsnap.errors import CaptureError
from envsnap.host.process import run

REMOTE_LIMIT = 2048
CREDENTIALS = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/@]*@", re.IGNORECASE)


def is_available() -> bool:
    """Whether a git executable is on PATH."""
    return shutil.which("git") is not None


def ask(folder: Path, *arguments: str) -> str | None:
    """Return what ``git ARGUMENTS`` prints in ``folder``; None if git says no (no repository, no commit, no remote)."""
    done = run(("git", "--no-optional-locks", *arguments), cwd=folder, env=os.environ)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if done.exit_code == 0 else None


def patch_digest(folder: Path, pathspec: tuple[str, ...]) -> str:
    """SHA-256 of ``git diff --binary HEAD`` over ``pathspec``.

    Raises:
        CaptureError: git cannot make the diff.
    """
    command = (
        "git",
        "--no-optional-locks",
        "diff",
        "--binary",
        "--no-color",
        "--no-ext-diff",
        "HEAD",
        "--",
        *pathspec,
    )
    done = run(command, cwd=folder, env=os.environ)
    if done.exit_code:
        raise CaptureError(f"git diff failed in {folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return hashlib.sha256(done.stdout).hexdigest()


def without_credentials(url: str) -> str:
    """Remove user name and password from a URL; ``git@host:path`` names no secret and stays."""
    return CREDENTIALS.sub(r"\1", url)[:REMOTE_LIMIT]
