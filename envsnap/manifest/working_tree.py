"""The code that the job runs."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model
from envsnap.manifest.package import SourcePath

Commit = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})\Z")]
"""It reaches git's command line, where other text could be an option."""


class ChangedFile(Model, frozen=True):
    """A file that differs from the commit.

    Args:
        path: in the working tree.
        sha256: of its contents; empty for a file that is deleted, unreadable, or too large to hash.
    """

    path: str
    sha256: str


class Submodule(Model, frozen=True):
    """A repository inside the repository.

    Args:
        path: in the working tree.
        commit: the commit that is checked out there; empty where nothing is.
        remote: where it comes from, without credentials.
        dirty: whether it differs from that commit.
        moved: whether that commit is another than the one that the outer repository records.
    """

    path: str
    commit: str = ""
    remote: str = ""
    dirty: bool = False
    moved: bool = False


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
        kept_patch: SHA-256 of the file in ``envsnap.baseline/patches`` that, applied to the commit, gives the working
            tree, untracked files too, but for what a finding ``patch-left-out`` names; empty where nothing differs or
            the text is not kept.
        remotes: all remotes by name, without credentials, where there are others than ``origin``.
        submodules: the repositories inside this one.
        beside: what the job imported or read of the repository outside of the project's folder, relative to the
            project: package folders and files. A container gets them, read-only.
    """

    vcs: Literal["git"]
    commit: Commit
    branch: str = ""
    remote: str = ""
    dirty: bool = False
    patch: str = ""
    changed: tuple[ChangedFile, ...] = ()
    kept_patch: str = ""
    remotes: dict[str, str] = {}
    submodules: tuple[Submodule, ...] = ()
    beside: tuple[SourcePath, ...] = ()
