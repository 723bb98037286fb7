"""The code that the job runs."""

from typing import Literal

from envsnap.manifest.model import Model


class ChangedFile(Model, frozen=True):
    """A file that differs from the commit.

    Args:
        path: in the working tree.
        sha256: of its contents; empty for a file that is deleted, unreadable, or too large to hash.
    """

    path: str
    sha256: str


class Code(Model, frozen=True):
    """State of the working tree.

    Args:
        vcs: the version control system.
        commit: the commit that was checked out.
        branch: empty for a detached commit.
        remote: where the repository comes from, without credentials.
        dirty: whether the tree differed from the commit.
        patch: SHA-256 of ``git diff --binary`` against the commit; empty where nothing differs.
        changed: the files that differ.
    """

    vcs: Literal["git"]
    commit: str
    branch: str = ""
    remote: str = ""
    dirty: bool = False
    patch: str = ""
    changed: tuple[ChangedFile, ...] = ()
