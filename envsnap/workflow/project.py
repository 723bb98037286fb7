"""A project folder: its settings, its lock, and the interpreter that it means."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from envsnap.errors import InvalidFileError, UsageError
from envsnap.host.own_places import BASELINE, LOCK, WORK
from envsnap.inside.probe.machine import usable_cores
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.project import Project, lay_over, parse_project, parse_pyproject, profile_source, resolve_job
from envsnap.workflow.interpreters import check_folder
from envsnap.workflow.progress import Progress

SETTINGS = "envsnap.toml"


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project and where its settings stand; ``source`` is "" where it has none."""

    folder: Path
    settings: Project
    source: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A manifest, the file it stands in, and what was warned of."""

    manifest: Manifest
    path: Path
    warnings: tuple[str, ...]


def read_project(folder: Path) -> ProjectFolder:
    """Read envsnap.toml, or [tool.envsnap] in pyproject.toml, or neither.

    Raises:
        UsageError: the folder is not there.
        InvalidFileError: the settings are not valid.
    """
    check_folder(folder)
    settings, pyproject = folder / SETTINGS, folder / "pyproject.toml"
    if settings.is_file():
        return ProjectFolder(folder, parse_project(_read(settings), source=SETTINGS), SETTINGS)
    found = parse_pyproject(_read(pyproject), source="pyproject.toml") if pyproject.is_file() else None
    if found is not None:
        return ProjectFolder(folder, found, "pyproject.toml [tool.envsnap]")
    return ProjectFolder(folder, Project(), "")


def read_lock(path: Path, progress: Progress) -> Lock:
    """Read a lock, and warn of what is odd about it.

    Raises:
        UsageError: there is none.
        InvalidFileError: it is not valid.
    """
    if not path.is_file():
        raise UsageError(f"there is no {path}: write it with 'envsnap freeze'")
    manifest, warnings = parse_manifest(_read(path), source=path.name)
    for warning in warnings:
        progress.warn(warning)
    return Lock(manifest, path, warnings)


def job_to_freeze(
    project: ProjectFolder, command: tuple[str, ...], env: Mapping[str, str], profile: str | None = None
) -> Job | None:
    """Return the job that the settings and the command line describe; None where there is none.

    Raises:
        UsageError: the settings describe no such profile.
    """
    if profile is not None and profile not in profiles_of(project):
        raise UsageError(
            f"{project.source or SETTINGS} describes no profile '{profile}': {_known(profiles_of(project))}"
        )
    job = described_job(project, profile, threads=default_threads(env))
    if job is None:
        return Job(command=command, threads=default_threads(env)) if command else None
    return msgspec.structs.replace(job, command=command) if command else job


def job_to_verify(project: ProjectFolder, manifest: Manifest, profile: str | None = None) -> Job:
    """Return the job to rerun: the working tree's where it describes one, else the lock's own.

    A setting that the working tree leaves open is taken from the lock.

    Args:
        project: the working tree and its settings.
        manifest: the lock, with the profile's job in the place of its own where one is named.
        profile: which one it is.

    Raises:
        UsageError: the lock records no job.
    """
    locked = manifest.contents.job
    if locked is None or not locked.command:
        raise UsageError("envsnap.lock records no job to verify: describe it in envsnap.toml and run 'envsnap freeze'")
    return described_job(project, profile, threads=locked.threads) or locked


def described_job(project: ProjectFolder, profile: str | None, *, threads: int) -> Job | None:
    """Return the job or profile that the settings describe, with ``threads`` where they name none; None: none."""
    table = project.settings.job
    if table is None or profile is None:
        return None if table is None else resolve_job(table, threads=threads, source=project.source)
    said = table.profiles.get(profile)
    source = profile_source(profile, project.source)
    return None if said is None else resolve_job(lay_over(table, said), threads=threads, source=source)


def job_to_run(project: ProjectFolder, manifest: Manifest, command: tuple[str, ...]) -> Job:
    """Return the job that verify would rerun, with ``command``, if one is given, in the place of its own.

    Raises:
        UsageError: no command is given, and the lock records none.
    """
    if not command:
        return job_to_verify(project, manifest)
    table, threads = project.settings.job, manifest.contents.numerics.threads
    if manifest.contents.job is not None:
        job = job_to_verify(project, manifest)
    elif table is not None:
        job = resolve_job(table, threads=threads, source=project.source)
    else:
        job = Job(command=command, threads=threads)
    return msgspec.structs.replace(job, command=command)


def profiles_of(project: ProjectFolder) -> tuple[str, ...]:
    """Name the profiles that the settings describe."""
    return tuple(project.settings.job.profiles) if project.settings.job is not None else ()


def locked_profile(manifest: Manifest, name: str | None, *, or_job: bool = False) -> Manifest:
    """Return a manifest with the named profile's job in the place of its own; None: as it is.

    Args:
        manifest: the lock.
        name: the profile's.
        or_job: whether a profile that the lock does not have stands for a part of the job itself.

    Raises:
        UsageError: the lock has no such profile.
    """
    if name is None:
        return manifest
    known = manifest.contents.profiles or {}
    if name not in known:
        if or_job and manifest.contents.baseline is not None:
            return manifest
        raise UsageError(
            f"envsnap.lock has no profile '{name}': {_known(tuple(known))}. "
            f"'envsnap freeze --profile {name}' records it"
        )
    return msgspec.structs.replace(manifest, contents=manifest.contents.of_profile(name))


def _known(names: Sequence[str]) -> str:
    return f"it has {', '.join(sorted(names))}" if names else "it has none"


def other_outputs(
    project: ProjectFolder, job: Job | None, *, manifest: Manifest | None = None, inputs: Iterable[Datum] = ()
) -> tuple[JobOutput, ...]:
    """Return what the project's other jobs write: the settings' and the lock's, and nothing that the job reads."""
    jobs = [described_job(project, name, threads=1) for name in (None, *profiles_of(project))]
    jobs += [one.job for one in manifest.contents.each_job] if manifest is not None else []
    outputs = {output.path: output for one in jobs if one is not None for output in one.outputs}
    apart = [*(output.path for output in (job.outputs if job else ())), *(datum.path for datum in inputs)]
    return tuple(
        output
        for path, output in sorted(outputs.items())
        if not any(path == one or path.startswith(f"{one}/") for one in apart)
    )


def own_paths(job: Job | None, folder: Path, others: Iterable[JobOutput] = ()) -> tuple[str, ...]:
    """Name what envsnap and the jobs write, relative to the project: it never makes the working tree dirty."""
    outputs = [output.path for output in (*(job.outputs if job else ()), *others)]
    behind_links = [os.path.relpath(os.path.realpath(folder / path), os.path.realpath(folder)) for path in outputs]
    within = (path for path in behind_links if path != ".." and not path.startswith("../"))
    return (LOCK, BASELINE, WORK, *dict.fromkeys((*outputs, *within)))


def default_threads(env: Mapping[str, str]) -> int:
    """Return the size of thread pools where the job names none: OMP_NUM_THREADS, else the usable cores."""
    first = env.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else usable_cores()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} cannot be read: {error}") from error
