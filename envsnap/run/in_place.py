"""A run in the project itself, where no overlay is to be had: what it would inherit is moved aside, and put back."""

import heapq
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from envsnap.errors import JobError
from envsnap.host.own_places import BASELINE, WORK
from envsnap.manifest.phrases import join_names
from envsnap.run.output_files import is_within

MOST_BYTES_A_FILE, MOST_COPIES = 1 << 20, 2000
"""What is copied before a run, so that it can be put back, the nearest to the project's top first: a log, a table."""
MOST_NAMES = 5
_LEFT_OUT = frozenset({".git", WORK, BASELINE})
_BEFORE, _ANSWER, _ORIGINALS, _UNFINISHED = "before", "baseline", "originals", "unfinished"


@contextmanager
def in_place(
    project: Path, folder: Path, written: Path, hidden: Sequence[Path], *, hide_baseline: bool
) -> Iterator[None]:
    """Give a command the project without the ``hidden`` places, and make the project as it was when the block ends.

    What the command created or changed goes to ``written``, under the same paths. A freeze leaves the baseline where it
    is: killed at any moment, the former lock still has it.

    Raises:
        JobError: a file cannot be moved, or one that was there before is changed and there is no copy of it.
    """
    try:
        if hide_baseline and (project / BASELINE).exists():
            _move(project / BASELINE, folder / _ANSWER)
        for place in hidden:
            _move(project / place, folder / _BEFORE / place)
        originals = _Originals(project, folder / _ORIGINALS)
        try:
            yield
        finally:
            lost = originals.take_over(written)
        if lost:
            raise JobError(
                f"{join_names(lost, MOST_NAMES)} changed while the job ran, and cannot be put back: the next run would "
                "inherit it. Let the job write new files, or run it in a container"
            )
    finally:
        _put_back(folder, project)


def restore_interrupted(runs_folder: Path, project: Path) -> tuple[str, ...]:
    """Put back what runs that were killed had set aside; return the paths in the project.

    The newest run goes first (folders are named in the order of the runs): the oldest holds the user's own files,
    and comes last.

    Raises:
        JobError: a file cannot be put back; the message says where it lies.
    """
    held = (_BEFORE, _ANSWER)
    runs = [folder for folder in runs_folder.glob("*") if any((folder / name).is_dir() for name in held)]
    return tuple(sorted({path for folder in sorted(runs, reverse=True) for path in _put_back(folder, project)}))


class _Originals:
    """What stands in a project before a run: every file's state, and copies of the small ones."""

    def __init__(self, project: Path, copies: Path) -> None:
        self._project, self._copies = project, copies
        self._states = _states(project)
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
        now = _states(self._project)
        changed = [name for name, state in now.items() if not _is_same(state, self._states.get(name))]
        lost = [name for name in changed if name in self._states and not self._has_copy(name)]
        moved: set[str] = set()
        for name in changed:
            if name not in lost and not any(str(parent) in moved for parent in Path(name).parents):
                _move(self._project / name, written / name)
                moved.add(name)
        gone = [name for name in self._states if name not in now or name in moved]
        for name in gone:
            if stat.S_ISDIR(self._states[name].st_mode):
                (self._project / name).mkdir(parents=True, exist_ok=True)
            elif self._has_copy(name):
                _move(self._copies / name, self._project / name)
            else:
                lost.append(name)
        return lost

    def _has_copy(self, name: str) -> bool:
        return stat.S_ISDIR(self._states[name].st_mode) or os.path.lexists(self._copies / name)


def _is_same(now: os.stat_result, former: os.stat_result | None) -> bool:
    if former is None:
        return False
    if stat.S_ISDIR(now.st_mode):
        return stat.S_ISDIR(former.st_mode)
    names = ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_ctime_ns")
    return all(getattr(now, name) == getattr(former, name) for name in names)


def _states(project: Path) -> Mapping[str, os.stat_result]:
    """Return the state of each file, link and folder, each folder before what is in it; no virtual environments."""
    found: dict[str, os.stat_result] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(os.path.join(project, folder)) as entries:  # noqa: PTH118 - a Path an entry costs twice the walk
            held = sorted(entries, key=lambda entry: entry.name)
        if any(entry.name == "pyvenv.cfg" for entry in held):
            continue
        for entry in held:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if name in _LEFT_OUT:
                continue
            found[name] = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(name)
    return found


def _put_back(folder: Path, project: Path) -> list[str]:
    if (folder / _ANSWER).is_dir():
        if os.path.lexists(project / BASELINE):
            _move(project / BASELINE, folder / _UNFINISHED / BASELINE)
        _move(folder / _ANSWER, project / BASELINE)
    before = folder / _BEFORE
    kept = sorted(path for path in before.rglob("*") if path.is_symlink() or not path.is_dir())
    for path in kept:
        relative = path.relative_to(before)
        place = project / relative
        if not is_within(place.parent, project):
            raise JobError(f"the job made {place.parent} a link out of the project; your earlier file is {path}")
        if os.path.lexists(place):
            _move(place, folder / _UNFINISHED / relative)
        _move(path, place)
    for left in (before, folder / _ORIGINALS):
        shutil.rmtree(left, ignore_errors=True)
    return [str(path.relative_to(before)) for path in kept]


def _move(source: Path, target: Path) -> None:
    """Move within a disk by renaming, across disks by copying first."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)
    except OSError as error:
        raise JobError(f"{source} cannot be moved to {target}: {error.strerror or error}; move it by hand") from error
