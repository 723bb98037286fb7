"""The code that the job runs: commit, branch, remote, and what differs from the commit."""

from collections.abc import Iterable
from pathlib import Path

from envsnap.host import git
from envsnap.host.files import sha256_file
from envsnap.manifest.facts import ChangedFile, Code, NotCaptured

CHANGED_LIMIT = 1000


def capture_code(project: Path, own: Iterable[str]) -> Code | NotCaptured:
    """Describe the working tree that holds ``project``.

    Args:
        project: the project's folder; it may be a folder deep in the repository.
        own: paths in the project that envsnap or the job write; they never make the tree dirty.
    """
    if not git.is_available():
        return NotCaptured(what="code", reason="no git executable is on PATH")
    commit = git.ask(project, "rev-parse", "--verify", "--quiet", "HEAD")
    if commit is None:
        return NotCaptured(what="code", reason="the project is not in a git repository, or has no commit yet")
    pathspec = (":/", *(f":(exclude){path}" for path in sorted(own)), ":(exclude,glob)**/__pycache__/**")
    changed = _changed(project, pathspec)
    return Code(
        vcs="git",
        commit=commit,
        branch=git.ask(project, "symbolic-ref", "--short", "--quiet", "HEAD") or "",
        remote=git.without_credentials(git.ask(project, "remote", "get-url", "origin") or ""),
        dirty=bool(changed),
        patch=git.patch_digest(project, pathspec) if changed else "",
        changed=changed[:CHANGED_LIMIT],
    )


def _changed(project: Path, pathspec: tuple[str, ...]) -> tuple[ChangedFile, ...]:
    status = git.ask(
        project, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *pathspec
    )
    top = Path(git.ask(project, "rev-parse", "--show-toplevel") or project)
    names = sorted(entry[3:] for entry in (status or "").split("\0") if entry)
    return tuple(ChangedFile(path=name, sha256=_digest(top / name)) for name in names)


def _digest(path: Path) -> str:
    return sha256_file(path)[0] if path.is_file() else ""
