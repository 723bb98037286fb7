"""A run in the project itself, where no overlay is to be had: what it would inherit is moved aside, and put back."""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import JobError
from envsnap.host.own_places import BASELINE
from envsnap.manifest.phrases import join_names
from envsnap.run.originals import Originals, move, restore_missing
from envsnap.run.output_files import is_within

MOST_NAMES = 5
_log = logging.getLogger(__name__)
_BEFORE, _BASELINE, _ORIGINALS, _KEPT, _UNFINISHED = "before", "baseline", "originals", "kept", "unfinished"


@contextmanager
def in_place(
    project: Path, folder: Path, written: Path, hidden: Sequence[Path], *, hide_baseline: bool
) -> Iterator[list[str]]:
    """Give a command the project without the ``hidden`` places, and make the project as it was when the block ends.

    What the command created or changed goes to ``written``, under the same paths. A freeze leaves the baseline where it
    is: killed at any moment, the former lock still has it.

    Returns: a list that at the end names what was there before, is changed, and could not be put back.

    Raises:
        JobError: a file cannot be moved.
    """
    lost: list[str] = []
    try:
        if hide_baseline and (project / BASELINE).exists():
            move(project / BASELINE, folder / _BASELINE)
        for place in hidden:
            move(project / place, folder / _BEFORE / place)
        originals = Originals(project, folder / _ORIGINALS)
        try:
            yield lost
        finally:
            lost += originals.take_over(written)
            if lost:
                _log.warning("not as before the run, and without a copy: %s", join_names(lost, MOST_NAMES))
    finally:
        _put_back(folder, project)


def refuse_lost(lost: Sequence[str]) -> None:
    """Refuse to go on with a project that is not as it was.

    Raises:
        JobError: names what is not.
    """
    if lost:
        raise JobError(
            f"{join_names(lost, MOST_NAMES)} changed while the job ran, and cannot be put back: the next run would "
            "inherit it. Restore it, and let the job write new files"
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """Of runs that were killed: paths that are back as before, and paths that are not as before, with their copies."""

    back: tuple[str, ...] = ()
    changed: tuple[tuple[str, Path], ...] = ()


def restore_interrupted(runs_folder: Path, project: Path) -> Restored:
    """Put back what runs that were killed had set aside or removed.

    The newest run goes first (folders are named in the order of the runs): the oldest holds the user's own files,
    and comes last.

    Raises:
        JobError: a file cannot be put back; the message says where it lies.
    """
    held = (_BEFORE, _BASELINE, _ORIGINALS)
    back: set[str] = set()
    changed: dict[str, Path] = {}
    for folder in sorted(runs_folder.glob("*"), reverse=True):
        if any((folder / name).is_dir() for name in held):
            missing, others = restore_missing(folder / _ORIGINALS, project)
            if (folder / _ORIGINALS).is_dir():
                (folder / _ORIGINALS).rename(folder / _KEPT)
            back |= {*missing, *_put_back(folder, project)}
            changed |= {name: folder / _KEPT / name for name in others}
    return Restored(tuple(sorted(back)), tuple(sorted(changed.items())))


def _put_back(folder: Path, project: Path) -> list[str]:
    if (folder / _BASELINE).is_dir():
        if os.path.lexists(project / BASELINE):
            move(project / BASELINE, folder / _UNFINISHED / BASELINE)
        move(folder / _BASELINE, project / BASELINE)
    before = folder / _BEFORE
    kept = sorted(str(path.relative_to(before)) for path in before.rglob("*") if path.is_symlink() or not path.is_dir())
    for path in sorted(before.iterdir()) if before.is_dir() else ():
        _return(path, Path(path.name), folder, project)
    shutil.rmtree(before, ignore_errors=True)
    return kept


def _return(path: Path, name: Path, folder: Path, project: Path) -> None:
    """Move what was set aside to its place; whole, where nothing is there."""
    place = project / name
    if not is_within(place.parent, project):
        raise JobError(f"the job made {place.parent} a link out of the project; your earlier file is {path}")
    if all(one.is_dir() and not one.is_symlink() for one in (path, place)):
        for part in sorted(path.iterdir()):
            _return(part, name / part.name, folder, project)
        return
    if os.path.lexists(place):
        move(place, folder / _UNFINISHED / name)
    move(path, place)
