"""A project folder: its settings, its lock, and the interpreter that it means."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envsnap.capture.hardware import usable_cores
from envsnap.errors import InvalidFileError, UsageError
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.project import Project, parse_project, parse_pyproject, resolve_job

SETTINGS = "envsnap.toml"
LOCK = "envsnap.lock"


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project and where its settings stand; ``source`` is "" where it has none."""

    folder: Path
    settings: Project
    source: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A manifest, the file it stands in, and what to warn of."""

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


def check_folder(folder: Path) -> None:
    """Refuse a project that is not there.

    Raises:
        UsageError: it is not there.
    """
    if not folder.is_dir():
        raise UsageError(f"--project {folder}: there is no such folder")


def read_lock(path: Path) -> Lock:
    """Read a lock.

    Raises:
        UsageError: there is none.
        InvalidFileError: it is not valid.
    """
    if not path.is_file():
        raise UsageError(f"there is no {path}: write it with 'envsnap freeze'")
    manifest, warnings = parse_manifest(_read(path), source=path.name)
    return Lock(manifest, path, warnings)


def job_to_freeze(project: ProjectFolder, command: tuple[str, ...], env: Mapping[str, str]) -> Job | None:
    """Return the job that the settings and the command line describe; None where there is none."""
    table = project.settings.job
    if table is None:
        return Job(command=command, threads=default_threads(env)) if command else None
    job = resolve_job(table, threads=default_threads(env), source=project.source)
    return job.with_command(command) if command else job


def job_to_verify(project: ProjectFolder, manifest: Manifest) -> Job:
    """Return the job to rerun: the working tree's where it describes one, else the lock's own.

    A setting that the working tree leaves open is taken from the lock.

    Raises:
        UsageError: the lock records no job.
    """
    locked = manifest.contents.job
    if locked is None or not locked.command:
        raise UsageError("envsnap.lock records no job to verify: describe it in envsnap.toml and run 'envsnap freeze'")
    table = project.settings.job
    return locked if table is None else resolve_job(table, threads=locked.threads, source=project.source)


def own_paths(job: Job | None) -> tuple[str, ...]:
    """Name what envsnap and the job write: it never makes the working tree dirty."""
    return (LOCK, "envsnap.baseline", ".envsnap", *(output.path for output in (job.outputs if job else ())))


def default_threads(env: Mapping[str, str]) -> int:
    """Return the size of thread pools where the job names none: OMP_NUM_THREADS, else the usable cores."""
    first = env.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else usable_cores()


def choose_python(folder: Path, env: Mapping[str, str], chosen: Path | None, prefix: Path | None) -> Path:
    """Return the interpreter to capture: the one named, the active environment's, the project's .venv, PATH's.

    An environment whose interpreter is broken is never passed over: another one is not what the user works in.

    Raises:
        UsageError: the named one is not there or cannot run, the active environment's cannot, or there is none.
    """
    if chosen is not None and prefix is not None:
        raise UsageError("--python and --prefix name two interpreters: give one of them")
    if chosen is not None:
        return _named(chosen, env.get("PATH"))
    if prefix is not None:
        return _of_prefix(prefix)
    for place in (env.get("VIRTUAL_ENV"), env.get("CONDA_PREFIX"), str(folder / ".venv")):
        if place and os.path.lexists(Path(place) / "bin" / "python"):
            return _runnable(Path(place) / "bin" / "python")
    found = shutil.which("python3", path=env.get("PATH", "")) or shutil.which("python", path=env.get("PATH", ""))
    if found is None:
        raise UsageError("no Python is on PATH: name the interpreter with --python PATH")
    return Path(found)


def _named(chosen: Path, search_path: str | None) -> Path:
    python = Path(shutil.which(chosen, path=search_path) or chosen) if len(chosen.parts) == 1 else chosen
    if python.is_dir():
        raise UsageError(f"--python {chosen} is a folder: name the interpreter in it, or give it with --prefix")
    return _runnable(python)


def _of_prefix(prefix: Path) -> Path:
    """Return the interpreter of a conda or virtual environment, or of an installation of Python itself."""
    if not prefix.is_dir():
        raise UsageError(f"--prefix {prefix}: there is no such folder")
    places = (prefix / "bin" / "python", prefix / "bin" / "python3")
    python = next((place for place in places if os.path.lexists(place)), None)
    if python is None:
        raise UsageError(f"--prefix {prefix}: {_without_python(prefix)}")
    home = _runnable(python).resolve()
    if not (prefix / "pyvenv.cfg").is_file() and not home.is_relative_to(prefix.resolve()):
        raise UsageError(
            f"--prefix {prefix} is no environment: {python} is a link to {home}, and there is no pyvenv.cfg beside it; "
            "name the interpreter with --python PATH"
        )
    return python


def _without_python(prefix: Path) -> str:
    if (prefix / "conda-meta").is_dir():
        return "a conda environment in which Python is not installed (bin/python is missing)"
    if (prefix / "pyvenv.cfg").is_file():
        return "a virtual environment whose bin/python is missing: make it anew"
    return "no environment: it has neither conda-meta nor pyvenv.cfg nor bin/python"


def _runnable(python: Path) -> Path:
    """Return the interpreter; say of one that cannot run what is wrong with it."""
    if python.is_symlink() and not python.exists():
        raise UsageError(
            f"{python} is a link to {python.readlink()}, which is not there: the Python it was made for "
            "was moved or removed; make the environment anew, or name another interpreter with --python PATH"
        )
    if not os.access(python, os.X_OK) or not python.is_file():
        raise UsageError(f"{python} is not there or cannot be executed: name the interpreter with --python PATH")
    return python


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} cannot be read: {error}") from error
