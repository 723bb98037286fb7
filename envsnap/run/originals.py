"""What stands in a project before a run that works in it: every file's state, and copies of the small ones."""

import filecmp
import heapq
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envsnap.errors import JobError
from envsnap.host.own_places import BASELINE, WORK
from envsnap.run.output_files import is_within

MOST_BYTES_A_FILE, MOST_COPIES = 1 << 20, 2000
"""What is copied before a run, so that it can be put back, the nearest to the project's top first: a log, a table."""
GIT = ".git"
_LEFT_OUT = frozenset({GIT, WORK, BASELINE})
_ENVIRONMENT = "pyvenv.cfg"


class Originals:
    """A project as it was, for what a run changes in it to be put back; ``copies`` is a folder to be made."""

    def __init__(self, project: Path, copies: Path) -> None:
        self._project, self._copies = project, copies
        self._has_git = (project / GIT).exists()
        self._mode = stat.S_IMODE(project.stat().st_mode)
        self._environments: set[str] = set()
        self._states = dict(self._walk(first=True))
        small = {
            name: (name.count("/"), -state.st_mtime_ns)
            for name, state in self._states.items()
            if stat.S_ISLNK(state.st_mode) or (stat.S_ISREG(state.st_mode) and state.st_size <= MOST_BYTES_A_FILE)
        }
        for name in heapq.nsmallest(MOST_COPIES, small, key=small.__getitem__):
            (copies / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # one that this user may not read, the job may not change either
                shutil.copy2(project / name, copies / name, follow_symlinks=False)

    def take_over(self, written: Path) -> list[str]:
        """Move what is new or changed to ``written``, put back what was; what has no copy stays, and is returned."""
        self._reopen_folders()
        now = dict(self._walk(first=False))
        changed = [name for name, state in now.items() if not _is_same(state, self._states.get(name))]
        lost = [name for name in changed if name in self._states and not self._has_copy(name)]
        moved: set[str] = set()
        for name in changed:
            if name not in lost and not any(str(parent) in moved for parent in Path(name).parents):
                move(self._project / name, written / name)
                moved.add(name)
        gone = [name for name in self._states if name not in now or name in moved]
        lost += [name for name in gone if not self._put_back(name)]
        lost += [GIT] if self._has_git and not (self._project / GIT).exists() else []
        shutil.rmtree(self._copies, ignore_errors=True)
        return lost

    def _put_back(self, name: str) -> bool:
        place, state = self._project / name, self._states[name]
        if stat.S_ISDIR(state.st_mode):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(stat.S_IMODE(state.st_mode))
        elif self._has_copy(name):
            move(self._copies / name, place)
            with suppress(OSError):  # only root gives a file away
                os.chown(place, state.st_uid, state.st_gid, follow_symlinks=False)
        else:
            return False
        return True

    def _has_copy(self, name: str) -> bool:
        return stat.S_ISDIR(self._states[name].st_mode) or os.path.lexists(self._copies / name)

    def _reopen_folders(self) -> None:
        """Give the folders that were there the modes that they had: one that is shut could not be looked into."""
        with suppress(OSError):  # another user's, which the job could not change either
            self._project.chmod(self._mode)
        for name, state in self._states.items():
            place = self._project / name
            with suppress(OSError):
                if stat.S_ISDIR(state.st_mode) and stat.S_ISDIR(place.lstat().st_mode):
                    place.chmod(stat.S_IMODE(state.st_mode))

    def _walk(self, *, first: bool) -> Iterator[tuple[str, os.stat_result]]:
        """Give the state of each file, link and folder, each folder before what is in it.

        Virtual environments that were there at first are left out, and what this user may not look into.
        """
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            entries = _entries(os.path.join(self._project, folder))  # noqa: PTH118 - a Path an entry costs twice the walk
            if first and any(entry.name == _ENVIRONMENT for entry in entries):
                self._environments.add(folder)
            if folder in self._environments:
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if name in _LEFT_OUT:
                    continue
                with suppress(FileNotFoundError):  # gone since: somebody else is at work
                    yield name, entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(name)


def restore_missing(copies: Path, project: Path) -> tuple[list[str], list[str]]:
    """Put back what a run that was killed had removed; return it, and what is not as it was before that run.

    The latter stays: nobody can tell whether the run changed it, or its owner did since. Its copies stay too.
    """
    missing, changed = [], []
    for path in sorted(path for path in copies.rglob("*") if path.is_symlink() or not path.is_dir()):
        name = str(path.relative_to(copies))
        place = project / name
        if os.path.lexists(place):
            changed += [] if _has_same_content(path, place) else [name]
        elif is_within(place.parent, project):
            move(path, place)
            missing.append(name)
    return missing, changed


def move(source: Path, target: Path) -> None:
    """Move within a disk by renaming, across disks by copying first.

    Raises:
        JobError: it cannot be moved; the message says so with both places.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            source.chmod(source.stat().st_mode | stat.S_IRWXU)  # one that is shut cannot be moved
        shutil.move(source, target)
    except OSError as error:
        raise JobError(f"{source} cannot be moved to {target}: {error.strerror or error}; move it by hand") from error


def _has_same_content(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return []


def _is_same(now: os.stat_result, former: os.stat_result | None) -> bool:
    if former is None:
        return False
    if stat.S_ISDIR(now.st_mode):
        return stat.S_ISDIR(former.st_mode)
    names = ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_ctime_ns")
    return all(getattr(now, name) == getattr(former, name) for name in names)
