"""envsnap check: whether a lock belongs to its project as it stands, told in less than a second; nothing is run."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsnap.capture.data import capture_data, check_data
from envsnap.capture.input_hashes import InputHashes
from envsnap.checkup.rebuild import is_sound
from envsnap.errors import InputError, InvalidFileError
from envsnap.host.own_places import LOCK, WORK
from envsnap.lock.declared import applying_requirements, find_unsatisfied, read_declared
from envsnap.manifest.checkup import Check, Checkup
from envsnap.manifest.diff.rebuilt import diff_job
from envsnap.manifest.job import Datum
from envsnap.manifest.manifest import Baseline, Contents
from envsnap.manifest.phrases import join_names, plural
from envsnap.run.baseline import baseline_files, read_listings
from envsnap.workflow.doctor.inventory import changed_specification, look_for_baseline
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import ProjectFolder, described_job, profiles_of, read_lock, read_project

CHEAP_BYTES = 64 * 2**20
"""Files of more bytes together are held to their sizes alone: to hash them takes longer than a hook may."""
MOST = 20
"""Problems of one kind that are told; the rest is counted."""
INPUTS = "inputs"
FREEZE = "if it is meant, run 'envsnap freeze'; else restore {what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRequest:
    """What the user asked for: the project, the lock (None for its own), and the caller's environment."""

    folder: Path
    env: Mapping[str, str]
    lock: Path | None = None


def check(request: CheckRequest, progress: Progress) -> Checkup:
    """Hold the lock against settings, dependencies, inputs and baseline; all that does not fit is told.

    Raises:
        UsageError: the project or the lock is not there.
        InvalidFileError: the settings or the lock are not valid.
    """
    project = read_project(request.folder)
    lock = read_lock(request.lock or request.folder / LOCK, progress)
    contents, folder = lock.manifest.contents, request.folder
    checks = (
        _answer("settings", _settings(project, contents), _told(contents), FREEZE.format(what=project.source)),
        _dependencies(contents, folder, request.env),
        *_inputs(contents, folder),
        *_baselines(contents, folder),
    )
    return Checkup(checks=checks, lock=str(request.lock or LOCK), digest=lock.manifest.snapshot.digest)


def _answer(name: str, problems: Sequence[str], good: str, advice: str) -> Check:
    if not problems:
        return Check(name=name, status="ok", found=good)
    more = [f"{len(problems) - MOST} more"] if len(problems) > MOST else []
    return Check(name=name, status="fail", found="; ".join([*problems[:MOST], *more]), advice=advice)


def _told(contents: Contents) -> str:
    profiles = contents.profiles or {}
    jobs = "the job" if contents.job is not None else "no job"
    return f"{jobs} and {plural(len(profiles), 'profile')} as locked" if profiles else f"{jobs} as locked"


def _settings(project: ProjectFolder, contents: Contents) -> list[str]:
    """Name what the settings say of jobs and image and the lock does not."""
    problems: list[str] = []
    described = {None, *profiles_of(project)}
    for name, locked in zip((None, *(contents.profiles or {})), contents.each_job, strict=True):
        whose = "job" if name is None else f"job.profiles.{name}"
        if name not in described:
            problems.append(f"{whose} is locked, and no longer described")
        elif locked.job is not None:
            job = described_job(project, name, threads=locked.job.threads)
            problems += [f"{whose}.{line}" for line in diff_job(locked.job, job)] if job is not None else []
    if contents.job is None and project.settings.job is not None:
        problems.append("a job is described, and none is locked")
    build = project.settings.build
    if build.base_image is not None and build.base_image != contents.build.base_image:
        problems.append(f"build.base-image was {contents.build.base_image}, is {build.base_image}")
    if tuple(sorted(set(build.apt))) != contents.build.apt:
        problems.append(f"build.apt was {join_names(contents.build.apt)}, is {join_names(build.apt)}")
    return problems


def _dependencies(contents: Contents, folder: Path, env: Mapping[str, str]) -> Check:
    """Hold the lock against the file that it was resolved from, else against what the project declares."""
    source = contents.specification
    if source is not None:
        changed = [f"{path} is not as it was" for path in changed_specification(contents, folder)]
        again = f"run 'envsnap freeze --from {source.path}' anew"
        return _answer("dependencies", changed, f"resolved from {source.path} as it is", again)
    try:
        declared = read_declared(folder, env)
        problems = list(find_unsatisfied(declared, contents))
    except InvalidFileError as error:
        return _answer("dependencies", [str(error)], "", "correct it")
    count = sum(not line.is_constraint for line, _ in applying_requirements(declared, contents))
    asked = f"{plural(count, 'requirement')} of {join_names(declared.files)}"
    good = f"{plural(len(contents.packages), 'package')} for {asked}"
    again = "install what is asked for, and run 'envsnap freeze'"
    return _answer("dependencies", problems, good if declared.files else "none are declared", again)


def _inputs(contents: Contents, folder: Path) -> Iterator[Check]:
    """Hold the inputs of all jobs to their digests, or to their sizes where they are large."""
    jobs = [one for one in contents.each_job if one.data or (one.job is not None and one.job.inputs)]
    data = {datum for one in jobs for datum in one.data}
    is_cheap = sum(datum.size for datum in data) <= CHEAP_BYTES
    told = (_changed_inputs(one, folder) if is_cheap else _other_sizes(one.data, folder) for one in jobs)
    problems = list(dict.fromkeys(problem for each in told for problem in each))
    if jobs:
        good = plural(len(data), "input") + ("" if is_cheap else ", by size alone: they are large")
        yield _answer(INPUTS, problems, good, FREEZE.format(what="them"))


def _changed_inputs(contents: Contents, folder: Path) -> list[str]:
    patterns = contents.job.inputs if contents.job is not None else ()
    known = InputHashes.of(folder) if (folder / WORK).is_dir() else None  # it would make the folder
    try:
        found = capture_data(patterns, folder, known)
    except InputError as error:
        return [str(error)]
    recorded = read_listings([datum.sha256 for datum in contents.data if datum.files], folder)
    return list(check_data(contents.data, found, recorded))


def _other_sizes(data: Sequence[Datum], folder: Path) -> Iterator[str]:
    for datum in data:
        try:
            found = (folder / datum.path).stat()
        except OSError:
            yield f"{datum.path} is missing"
            continue
        size = found.st_size if stat.S_ISREG(found.st_mode) else _size_of_folder(folder / datum.path)
        if size != datum.size:
            yield f"{datum.path} has {size:,} bytes, not {datum.size:,}"


def _size_of_folder(folder: Path) -> int:
    """Sum the sizes of a folder's files; an input may be reached through links."""
    files = (Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names)
    return sum(file.stat().st_size for file in files if file.exists())


def _baselines(contents: Contents, folder: Path) -> Iterator[Check]:
    """Hold the recorded outputs of all jobs to their digests, or to their sizes where they are large."""
    jobs = [(one, one.baseline) for one in contents.each_job if one.baseline is not None]
    files = [file for one, _ in jobs for file in look_for_baseline(one, folder)]
    problems = [f"{file.path} is missing or cut" for file in files if not is_sound(file)]
    if not problems and sum(file.size or 0 for file in files) <= CHEAP_BYTES:
        problems = [problem for _, baseline in jobs for problem in _broken(baseline, folder)]
    if jobs:
        again = "check envsnap.baseline out as it was committed with the lock"
        yield _answer("baseline", problems, plural(len(files), "file"), again)


def _broken(baseline: Baseline, folder: Path) -> Iterator[str]:
    try:
        baseline_files(baseline, folder)
    except InvalidFileError as error:
        yield str(error)
