"""The lock of a project as freeze writes it, with the baseline's files that belong to it."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from envsnap import __version__
from envsnap.errors import UsageError
from envsnap.host.cache import CacheFile
from envsnap.host.files import atomic_write, exclusive, remove_unfinished
from envsnap.host.own_places import LOCK
from envsnap.manifest.lockfile import HEADER, dump_manifest, seal
from envsnap.manifest.manifest import Contents, Manifest, Snapshot
from envsnap.run.baseline import prune_baselines, write_listings, write_patch
from envsnap.workflow.progress import Progress
from envsnap.workflow.runs import restore_files

RENDERING = 1
"""Version of how a lock is rendered: one that was rendered in another way is not taken."""


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


class RenderedLock(msgspec.Struct, frozen=True):
    """A lock as it was rendered last."""

    snapshot: Snapshot
    text: str


def write_lock(
    path: Path,
    contents: Contents,
    *,
    project: Path,
    listings: Mapping[str, str],
    patch: bytes | None,
    cache: Path | None,
) -> Manifest:
    """Write the lock and what belongs to it, and remove the baselines that no lock of the project names any more.

    Args:
        path: of the lock.
        contents: what it says.
        project: folder of the baseline.
        listings: of the input folders, by their digest.
        patch: the uncommitted changes, where they are kept.
        cache: the user's folder for what is kept from one command to the next; None where there is none.

    Raises:
        CaptureError: what was captured cannot be locked.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = seal(contents, created_by=f"envsnap {__version__}", created_at=now)
    write_listings(listings, project)
    write_patch(patch, project)
    atomic_write(path, _render(manifest, cache).encode("utf-8"))
    prune_baselines(project, _locks(project, path))
    return manifest


def _render(manifest: Manifest, cache: Path | None) -> str:
    """Render a lock; where its contents are those of the last one that was rendered, only its time is new.

    To render hundreds of packages takes an eighth of a static freeze.
    """
    if cache is None:
        return dump_manifest(manifest)
    kept = CacheFile(cache / "lock.json", RenderedLock, RENDERING)
    former, now = kept.load(), manifest.snapshot
    if former is not None and (former.snapshot.digest, former.snapshot.created_by) == (now.digest, now.created_by):
        then = former.snapshot.created_at
        return former.text.replace(f'created-at = "{then}"', f'created-at = "{now.created_at}"', 1)
    text = dump_manifest(manifest)
    with contextlib.suppress(OSError):  # a full disk or a home that is for reading only: the lock is right all the same
        kept.save(RenderedLock(now, text))
    return text


def _locks(folder: Path, written: Path) -> list[str]:
    places = (path for path in {written, *folder.glob("*.lock")} if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in places]
