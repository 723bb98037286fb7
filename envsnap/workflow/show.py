"""envsnap show: a lock, or a bundle's -> the manifest to describe. Nothing is run, built or written."""

from dataclasses import dataclass
from pathlib import Path

from envsnap.manifest.manifest import Manifest
from envsnap.workflow.interpreters import check_folder
from envsnap.workflow.lock_source import open_lock_source
from envsnap.workflow.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowRequest:
    """What the user asked for.

    Args:
        folder: of the project.
        lock: the lock to show; None for the project's or the bundle's own.
        bundle: a bundle that holds the lock.
    """

    folder: Path
    lock: Path | None = None
    bundle: Path | None = None


def show(request: ShowRequest, progress: Progress) -> Manifest:
    """Read the lock, and warn of what is odd about it.

    Raises:
        UsageError: the project or the lock is not there.
        InvalidFileError: the lock is not valid.
        BundleError: the bundle is none, or damaged.
    """
    check_folder(request.folder)
    return open_lock_source(request.folder, request.lock, request.bundle, progress).manifest
