"""Where a job's outputs lie: earlier ones set aside before a run, written ones kept, the user's files put back."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from envsnap.errors import InvalidFileError, JobError
from envsnap.host.files import sha256_file
from envsnap.host.own_places import BASELINE, WORK
from envsnap.manifest.job import JobOutput
from envsnap.manifest.outcome import RecordedOutput

_BEFORE = "before"
_ANSWER = "baseline"
_OUTPUTS = "outputs"
_UNFINISHED = "unfinished"


@contextmanager
def outputs_set_aside(outputs: Sequence[JobOutput], *, project: Path, folder: Path, keep: bool) -> Iterator[None]:
    """Move outputs of earlier runs to ``folder/before``, and back when the block ends, however it ends.

    Without that, a job that no longer writes a file would pass with the old one. Nothing is overwritten on the way
    back: what the run left in such a place goes to ``folder/unfinished``. A run of verify, one without ``keep``, leaves
    nothing in an output's place either, and does not see the baseline, which holds the answer. A freeze leaves that
    where it is: killed at any moment, the former lock still has its baseline.

    Raises:
        InvalidFileError: an output's path leads out of the project.
        JobError: an output's place is taken by a folder, or a file cannot be moved.
    """
    places = [place_of(output, project) for output in outputs]
    try:
        if not keep and (project / BASELINE).exists():
            _move(project / BASELINE, folder / _ANSWER)
        for place in places:
            _set_aside(place, project, folder)
        try:
            yield
        finally:
            if not keep:
                _clear(places, project, folder)
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


def collect_outputs(
    outputs: Sequence[JobOutput], *, project: Path, folder: Path, keep: bool
) -> tuple[RecordedOutput, ...]:
    """Move each written output to ``folder/outputs``; with ``keep`` copy it, and it replaces the earlier one.

    Raises:
        JobError: an output is no regular file, cannot be read, or is a link that leads out of the project.
    """
    recorded = tuple(_collect(output, project, folder, keep=keep) for output in outputs)
    if keep:
        for output in recorded:
            if output.file is not None:
                (folder / _BEFORE / output.path).unlink(missing_ok=True)
    return recorded


def place_of(output: JobOutput, project: Path) -> Path:
    """Return the absolute place of an output.

    Raises:
        InvalidFileError: it lies outside the project, by its path or by a link in it.
    """
    relative = Path(output.path)
    place = project / relative
    if relative.is_absolute() or ".." in relative.parts or relative == Path():
        raise InvalidFileError(f"output '{output.path}': give a path below the project {project}, without '..'")
    if not _is_within(place.parent, project):
        raise InvalidFileError(
            f"output '{output.path}': its folder is a link to {os.path.realpath(place.parent)}, outside the project; "
            "let the job write below the project"
        )
    return place


def _is_within(path: Path, project: Path) -> bool:
    # Path.resolve raises RuntimeError at a loop of links before Python 3.13, realpath does not.
    return Path(os.path.realpath(path)).is_relative_to(project.resolve())


def _set_aside(place: Path, project: Path, folder: Path) -> None:
    if not os.path.lexists(place):
        return
    if place.is_dir() and not place.is_symlink():
        raise JobError(f"output '{place.relative_to(project)}' is a folder in {project}; declare the files in it")
    _move(place, folder / _BEFORE / place.relative_to(project))


def _clear(places: Sequence[Path], project: Path, folder: Path) -> None:
    for place in places:
        if os.path.lexists(place) and _is_within(place.parent, project):
            _move(place, folder / _UNFINISHED / place.relative_to(project))


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
        if not _is_within(place.parent, project):
            raise JobError(f"the job made {place.parent} a link out of the project; your earlier file is {path}")
        if os.path.lexists(place):
            _move(place, folder / _UNFINISHED / relative)
        _move(path, place)
    shutil.rmtree(before, ignore_errors=True)
    return [str(path.relative_to(before)) for path in kept]


def _move(source: Path, target: Path) -> None:
    """Move within a disk by renaming, across disks by copying first."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)
    except OSError as error:
        raise JobError(f"{source} cannot be moved to {target}: {error.strerror or error}; move it by hand") from error


def _collect(output: JobOutput, project: Path, folder: Path, *, keep: bool) -> RecordedOutput:
    try:
        place = place_of(output, project)
    except InvalidFileError as error:
        raise JobError(f"the job changed where its output lies: {error}") from error
    if not os.path.lexists(place):
        return RecordedOutput(path=output.path, format=output.format, file=None)
    _check_file(place, project)
    target = folder / _OUTPUTS / output.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if keep or place.is_symlink():
            shutil.copyfile(place, target)
        else:
            shutil.move(place, target)
        digest, size = sha256_file(target)
    except OSError as error:
        raise JobError(f"output '{output.path}' of the job cannot be kept: {error}") from error
    return RecordedOutput(path=output.path, format=output.format, file=target, sha256=digest, size=size)


def _check_file(place: Path, project: Path) -> None:
    name = place.relative_to(project)
    if not _is_within(place, project):
        raise JobError(f"output '{name}' is a link to {os.path.realpath(place)}, outside the project {project}")
    if not place.exists():
        raise JobError(f"output '{name}' is a link to nothing; let the job write the file itself")
    if any(_is_within(place, project / own) for own in (WORK, BASELINE)):
        raise JobError(f"output '{name}' is a link into envsnap's own files; let the job write the file itself")
    if not stat.S_ISREG(place.stat().st_mode):
        raise JobError(f"output '{name}' is no regular file; let the job write a file there")
