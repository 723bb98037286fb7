"""Where a job's outputs lie: what a run does not see of earlier ones, what it wrote, what a freeze leaves behind."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from envsnap.errors import InvalidFileError, JobError
from envsnap.host.files import replacing, sha256_file
from envsnap.host.own_places import BASELINE, GIT, LOCK, SETTINGS, WORK
from envsnap.manifest.job import JobOutput
from envsnap.manifest.outcome import RecordedOutput

MOST_LINKS = 40
"""That the kernel follows for one path: https://man7.org/linux/man-pages/man7/path_resolution.7.html."""


def place_of(output: JobOutput, project: Path) -> Path:
    """Return the absolute place of an output.

    Raises:
        InvalidFileError: it lies outside the project or in what is envsnap's, by its path or by a link in it.
    """
    relative = Path(output.path)
    place = project / relative
    if relative.is_absolute() or ".." in relative.parts or relative == Path():
        raise InvalidFileError(f"output '{output.path}': give a path below the project {project}, without '..'")
    if not is_within(place.parent, project):
        raise InvalidFileError(
            f"output '{output.path}': its folder is a link to {os.path.realpath(place.parent)}, outside the project; "
            "let the job write below the project"
        )
    if is_within(place, project) and (own := _own_place(place, project)):
        raise InvalidFileError(f"output '{output.path}' leads to {own}, which is no job's to write: name another place")
    return place


def _own_place(place: Path, project: Path) -> str:
    """Return what of envsnap's, git's or the settings a place lies in; "" for a job's own."""
    parts = Path(os.path.realpath(place)).relative_to(os.path.realpath(project)).parts
    return parts[0] if parts and parts[0] in {WORK, BASELINE, LOCK, GIT, *SETTINGS} else ""


def is_within(path: Path, project: Path) -> bool:
    """Whether a path lies in the project once every link in it is followed."""
    # Path.resolve raises RuntimeError at a loop of links before Python 3.13, realpath does not.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(project))


def made_folders(
    outputs: Sequence[JobOutput], known: Sequence[str], project: Path, others: Sequence[JobOutput] = ()
) -> tuple[str, ...]:
    """Return the folders of outputs that the job makes itself: those not there, and those ``known`` as such.

    A known one counts as long as it holds nothing but outputs, and ``others``, as freeze left them.
    """
    found = {
        str(folder)
        for output in outputs
        for folder in Path(output.path).parents[:-1]
        if not os.path.lexists(project / folder)
        or (str(folder) in known and _holds_outputs_alone(project / folder, (*outputs, *others), project))
    }
    return tuple(sorted(found))


def hidden_places(
    outputs: Sequence[JobOutput], made: Sequence[str], project: Path, others: Sequence[JobOutput] = ()
) -> tuple[Path, ...]:
    """Return what a run must not see of earlier ones, relative to the project, links in the way followed.

    These are the outputs, the ``others`` of the project's other jobs, and the folders which the job makes itself:
    there, it would choose another name, or stop.

    Raises:
        InvalidFileError: an output's path leads out of the project.
        JobError: an output's place is taken by a folder.
    """
    folders = set(made_folders(outputs, made, project, others))
    found: dict[Path, None] = {}
    for output in (*outputs, *others):
        place = place_of(output, project)
        if place.is_dir() and not place.is_symlink():
            raise JobError(f"output '{output.path}' is a folder in {project}; declare the files in it")
        above = [folder for folder in Path(output.path).parents if str(folder) in folders]
        hidden = project / above[-1] if above else _behind_link(place, project)
        if os.path.lexists(hidden):
            real = Path(os.path.realpath(hidden.parent), hidden.name)
            found[real.relative_to(os.path.realpath(project))] = None
    return tuple(place for place in found if not any(parent in found for parent in place.parents))


def _behind_link(place: Path, project: Path) -> Path:
    """Return where an output's bytes lie; a link that leads out of the project is itself the output's place."""
    return Path(os.path.realpath(place)) if place.is_symlink() and is_within(place, project) else place


def _holds_outputs_alone(folder: Path, outputs: Sequence[JobOutput], project: Path) -> bool:
    declared = {project / output.path for output in outputs}
    return not folder.is_symlink() and all(
        Path(top, name) in declared for top, _folders, names in os.walk(folder) for name in names
    )


def collect_outputs(outputs: Sequence[JobOutput], *, written: Path, project: Path) -> tuple[RecordedOutput, ...]:
    """Return the outputs that a run wrote, with their hash.

    Args:
        outputs: as declared.
        written: the folder with all that the run created or changed in the project, under the same paths.
        project: as it was before, and is again.

    Raises:
        JobError: an output is no regular file, cannot be read, or is a link to what the run did not write.
    """
    return tuple(_collect(output, written, project) for output in outputs)


def take_outputs(outputs: Sequence[JobOutput], project: Path, folder: Path) -> tuple[RecordedOutput, ...]:
    """Copy the outputs that stand in the project into a folder, and return the copies with their hash.

    Raises:
        InvalidFileError: an output's path leads out of the project.
        JobError: an output is not there, is no regular file, cannot be read, or is a link out of the project.
    """
    standing = {output.path: _standing(output, project) for output in outputs}
    if absent := [path for path, file in standing.items() if file is None]:
        raise JobError(
            f"not there: {', '.join(absent)}. A baseline holds every output that job.outputs names: run the job, or "
            "correct job.outputs in envsnap.toml"
        )
    for path, file in standing.items():
        if file is not None:
            _copy(file, folder / path)
    return collect_outputs(outputs, written=folder, project=project)


def _standing(output: JobOutput, project: Path) -> Path | None:
    place_of(output, project)
    file = _follow(output, project, project)
    if file is not None and not stat.S_ISREG(file.lstat().st_mode):
        raise JobError(f"output '{output.path}' is no regular file; a file belongs there")
    return file


def _copy(file: Path, target: Path) -> None:
    """Copy, and never link: the next run of the user's own may write into the same file."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise JobError(f"{file} cannot be kept: {error.strerror or error}") from error


def leave_outputs(outputs: Sequence[RecordedOutput], project: Path) -> None:
    """Put a run's outputs where the job had put them; each replaces an earlier one in one step, not a link to it.

    Raises:
        JobError: one cannot be written there.
    """
    for output in outputs:
        place = _behind_link(project / output.path, project)
        if output.file is None:
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with output.file.open("rb") as source, replacing(place, output.file.stat().st_mode & 0o777) as target:
                shutil.copyfileobj(source, target)
        except OSError as error:
            raise JobError(f"output '{output.path}' cannot be left in {project}: {error.strerror or error}") from error


def _collect(output: JobOutput, written: Path, project: Path) -> RecordedOutput:
    file = _follow(output, written, project)
    if file is None:
        return RecordedOutput(path=output.path, format=output.format, file=None)
    if not stat.S_ISREG(file.lstat().st_mode):
        raise JobError(f"output '{output.path}' is no regular file; let the job write a file there")
    try:
        digest, size = sha256_file(file)
    except OSError as error:
        raise JobError(f"output '{output.path}' of the job cannot be kept: {error}") from error
    return RecordedOutput(path=output.path, format=output.format, file=file, sha256=digest, size=size)


def _follow(output: JobOutput, written: Path, project: Path) -> Path | None:
    """Walk an output's path as the job saw it, what it wrote before the project; no link leads out of the two.

    Return where its bytes lie, among what the run wrote; None: it wrote no such file.
    """
    parts, walked, links = [*Path(output.path).parts], Path(), 0
    while parts:
        step = Path(os.path.normpath(walked / parts.pop(0)))
        place = written / step if os.path.lexists(written / step) else project / step
        if not place.is_symlink():
            walked = step
            continue
        links += 1
        target = Path(os.path.normpath(project / walked / place.readlink()))
        if not target.is_relative_to(project):
            raise JobError(f"output '{output.path}' is a link to {target}, outside the project {project}")
        if links > MOST_LINKS:
            raise JobError(f"output '{output.path}' is a link to nothing; let the job write the file itself")
        parts, walked = [*target.relative_to(project).parts, *parts], Path()
    if os.path.lexists(written / walked):
        return written / walked
    if not links:
        return None
    if os.path.lexists(project / walked):
        raise JobError(f"output '{output.path}' is a link to {walked}, which this run did not write")
    raise JobError(f"output '{output.path}' is a link to nothing; let the job write the file itself")


def names_of(folder: Path) -> Iterator[str]:
    """Give the names in a folder, of which a job may have made anything; nothing for what is no folder."""
    if os.path.lexists(folder) and stat.S_ISDIR(folder.lstat().st_mode):
        yield from sorted(os.listdir(folder))  # noqa: PTH208 - the names alone
