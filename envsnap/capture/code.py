"""The code that the job runs: commit, branch, remote, and what differs from the commit."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envsnap.host import git
from envsnap.host.credentials import without_secrets
from envsnap.host.files import relative_to, sha256_bytes, sha256_file
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.observation import Observation
from envsnap.manifest.working_tree import ChangedFile, Code

CHANGED_LIMIT = 1000
HASHED_FILE_LIMIT = 64 * 2**20
HASHED_TOTAL_LIMIT = 1024 * 2**20
NOT_CODE = ":(top,exclude,glob)**/__pycache__/**"


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """A working tree: what is checked out, and the URL of each remote, logins and all."""

    head: git.Head
    remotes: Mapping[str, str]


def capture_code(project: Path, own: Iterable[str]) -> Code | UncapturedFact:
    """Describe the working tree that holds ``project``.

    At most 1000 changed files are named. One has no digest where it is deleted, cannot be read, is no regular file
    or is larger than 64 MiB, and once 1 GiB has been read: a checkpoint that lies untracked is not source code.

    Args:
        project: the project's folder; it may be a folder deep in the repository.
        own: paths in the project that envsnap or the job write; they never make the tree dirty.
    """
    tree = find_tree(project)
    return describe_code(project, tree, own) if isinstance(tree, WorkingTree) else tree


def find_tree(project: Path) -> WorkingTree | UncapturedFact:
    """Return the working tree that holds ``project``, or why there is none."""
    if not git.is_available():
        return UncapturedFact(what="code", reason="no git executable is on PATH")
    head = git.head(project)
    if head is None:
        return UncapturedFact(what="code", reason=git.refusal(project) or "the repository has no commit yet")
    return WorkingTree(head, git.remotes(project))


def describe_code(project: Path, tree: WorkingTree, own: Iterable[str]) -> Code:
    """Describe the working tree around ``project``; see :func:`capture_code`."""
    pathspec = _pathspec(own)
    names = git.changed_files(project, pathspec)
    return Code(
        vcs="git",
        commit=tree.head.commit,
        branch=tree.head.branch,
        remote=without_secrets(tree.remotes.get("origin", "")),
        dirty=bool(names),
        patch=git.patch_digest(project, pathspec) if names else "",
        changed=tuple(_changed(tree.head.top, names[:CHANGED_LIMIT])),
    )


def is_same_code(project: Path, own: Iterable[str], locked: Code, found: Code) -> bool:
    """Whether the working tree holds the locked code: the commit that adds the lock itself changes none of it."""
    return locked.patch == found.patch and _is_same_commit(project, locked, found, _pathspec(own))


def changed_names(project: Path, own: Iterable[str], locked: Code, found: Code) -> tuple[str, ...]:
    """Name the files in which the working tree differs from the locked code, as far as git can tell.

    What was changed already when it was locked, and is as it was then, is not among them.
    """
    then, now = dict(_digests(locked)), dict(_digests(found))
    uncommitted = {name for name in then.keys() | now.keys() if then.get(name) != now.get(name)}
    committed = git.changed_between(project, locked.commit, found.commit, _pathspec(own)) or ()
    return tuple(sorted({*uncommitted, *(_printable(name) for name in committed if name not in then)}))


def _digests(code: Code) -> Iterator[tuple[str, str]]:
    return ((file.path, file.sha256) for file in code.changed)


def find_beside(project: Path, observed: Iterable[Observation]) -> tuple[str, ...]:
    """Name what runs imported or read of the repository outside of the project's folder, relative to the project.

    An imported package is named by its folder, for another change may import more of it.
    """
    top = git.top(project)
    if top is None:
        return ()
    folder = project.resolve()
    places = {place for seen in observed for place in _places_read(folder, seen)}
    outside = {
        place
        for place in places
        if place.is_relative_to(top) and not (place.is_relative_to(folder) or folder.is_relative_to(place))
    }
    whole = {place for place in outside if not any(parent in outside for parent in place.parents)}
    return tuple(sorted(relative_to(place, folder) for place in whole))


def _places_read(project: Path, seen: Observation) -> Iterator[Path]:
    for source in seen.sources:
        parts = source.module.count(".") + (source.path.endswith("/__init__.py"))
        path = Path(os.path.realpath(project / source.path))
        yield path.parents[parts - 1] if 0 < parts <= len(path.parents) else path
    for file in seen.opened:
        yield Path(os.path.realpath(project / os.path.expanduser(file.real or file.path)))  # noqa: PTH111 - as text


def is_same_code_apart(project: Path, own: Iterable[str], apart: Iterable[str], locked: Code, found: Code) -> bool:
    """Whether the working tree holds the locked code, whatever became of the files ``apart``, such as the settings.

    Of uncommitted changes, the same files have to have the same digests; :func:`capture_code` says which have none.
    """
    tree = find_tree(project)
    if not isinstance(tree, WorkingTree):
        return False
    left_out = {os.path.relpath(os.path.realpath(project / name), tree.head.top) for name in apart}
    before, after = (
        {(file.path, file.sha256) for file in code.changed if file.path not in left_out} for code in (locked, found)
    )
    if before != after:
        return False
    return _is_same_commit(project, locked, found, _pathspec((*own, *apart)))


def _is_same_commit(project: Path, locked: Code, found: Code, pathspec: tuple[str, ...]) -> bool:
    same = locked.commit == found.commit
    return same or git.changed_between(project, locked.commit, found.commit, pathspec) == ()


def _pathspec(own: Iterable[str]) -> tuple[str, ...]:
    ours = (f":(exclude,literal){path}" for path in sorted(own))
    return (":/", *ours, NOT_CODE)


def _changed(top: Path, names: Iterable[str]) -> Iterator[ChangedFile]:
    left = HASHED_TOTAL_LIMIT
    for name in names:
        digest, size = _digest(top / name, min(left, HASHED_FILE_LIMIT))
        left -= size
        yield ChangedFile(path=_printable(name), sha256=digest)


def _digest(path: Path, limit: int) -> tuple[str, int]:
    """Return digest and bytes read; a link stands for its own text, as in git, not for what lies behind it."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return sha256_bytes(os.fsencode(path.readlink())), 0
        if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
            return sha256_file(path)
    except OSError:
        pass  # deleted, or not to be read: the docstring of capture_code says that it has no digest then
    return "", 0


def _printable(name: str) -> str:
    r"""Show bytes that are not UTF-8, which a lock cannot hold, as ``\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
