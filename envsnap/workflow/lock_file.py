"""The lock of a project as freeze writes it, with the baseline's files that belong to it."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from envsnap import __version__
from envsnap.errors import UsageError
from envsnap.host.files import atomic_write, exclusive, remove_unfinished
from envsnap.manifest.lockfile import HEADER, dump_manifest, seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.run.baseline import prune_baselines, write_listings, write_patch
from envsnap.workflow.capture import Facts
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import LOCK
from envsnap.workflow.runs import restore_files


def lock_path(output: Path | None, project: Path) -> Path:
    """Return where the lock goes; another file that stands there is never overwritten.

    Raises:
        UsageError: another file stands there.
    """
    path = output or project / LOCK
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(HEADER.encode())):
        raise UsageError(f"{path} is not a lock that envsnap wrote, and would be overwritten: name another place")
    return path


@contextlib.contextmanager
def hold_project(project: Path, progress: Progress) -> Iterator[None]:
    """Hold the project for one freeze, and undo what a freeze or a verify that was killed left there.

    Raises:
        UsageError: another envsnap command works in the project.
    """
    with exclusive(project):
        restore_files(project, progress)
        remove_unfinished(project / LOCK)
        yield


def write_lock(path: Path, contents: Contents, facts: Facts, project: Path) -> Manifest:
    """Write the lock and what belongs to it, and remove the baselines that no lock of the project names any more.

    Raises:
        CaptureError: what was captured cannot be locked.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = seal(contents, created_by=f"envsnap {__version__}", created_at=now)
    write_listings(facts.data.listings, project)
    write_patch(facts.code.patch, project)
    atomic_write(path, dump_manifest(manifest).encode("utf-8"))
    prune_baselines(project, _locks(project, path))
    return manifest


def _locks(folder: Path, written: Path) -> list[str]:
    places = (path for path in {written, *folder.glob("*.lock")} if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in places]
