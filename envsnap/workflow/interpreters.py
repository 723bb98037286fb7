"""The interpreter that the user means: the one named, or the one that the project is worked on with."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from envsnap.environment import Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import MissingToolError, UsageError
from envsnap.host.own_places import refuse_links

ASK_VERSION = "import platform as p; print(p.python_implementation(), p.python_version().rstrip('+'))"
"""A ``+`` is added where Python was built from a checkout, as Debian does."""
ANSWER_SECONDS = 10.0


def check_folder(folder: Path) -> None:
    """Refuse a project that is not there, or in which places that envsnap writes to are links.

    Raises:
        UsageError: it is not there, or names the link.
    """
    if not folder.is_dir():
        raise UsageError(f"--project {folder}: there is no such folder")
    refuse_links(folder)


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


def find_own_python(folder: Path, env: Mapping[str, str], version: str) -> Path | None:
    """Return the project's interpreter where it is a CPython of this version: uv looks for others on PATH only."""
    try:
        environment = LocalEnvironment(choose_python(folder, env, None, None), caller=env)
        argv = (environment.python, "-I", "-c", ASK_VERSION)
        answer = environment.execute(Execution(argv=argv, workdir=folder.absolute(), timeout=ANSWER_SECONDS)).stdout
    except (UsageError, MissingToolError):
        return None
    return Path(environment.python) if answer.decode("utf-8", "replace").strip() == f"CPython {version}" else None


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
