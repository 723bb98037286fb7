"""Packages of the distribution that own libraries which the job loaded."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from envsnap.host.process import run
from envsnap.manifest.observation import LoadedLibrary
from envsnap.manifest.system import System, SystemPackage

OWNER = re.compile(r"^(?!diversion by )(?P<names>[^ ].*?): (?P<path>/.*)$")


def capture_system(libraries: Sequence[LoadedLibrary]) -> System | None:
    """Ask dpkg who owns the libraries that lie outside the Python environment; None where there is no dpkg."""
    paths = sorted({library.path for library in libraries if library.path.startswith("/")})
    if not paths or shutil.which("dpkg-query") is None:
        return None
    names = _owners(paths)
    return System(packages=_describe(names) if names else ())


def _owners(paths: Sequence[str]) -> list[str]:
    """Name the owners of files; on merged-/usr systems dpkg may know one by the path without /usr, or by its target."""
    real = [str(Path(path).resolve()) for path in paths]
    spellings = {*paths, *real, *(path.removeprefix("/usr") for path in real), *(f"/usr{path}" for path in paths)}
    matches = map(OWNER.match, _dpkg_query("--search", *sorted(spellings)))
    return sorted({name.strip() for match in matches if match for name in match.group("names").split(",")})


def _describe(names: Sequence[str]) -> tuple[SystemPackage, ...]:
    form = "${Package}\\t${Version}\\t${Architecture}\\n"
    rows = sorted({tuple(line.split("\t")) for line in _dpkg_query("--show", f"--showformat={form}", *names)})
    return tuple(SystemPackage(manager="dpkg", name=name, version=version, arch=arch) for name, version, arch in rows)


def _dpkg_query(*arguments: str) -> list[str]:
    """Ask once about everything; the exit code only says that some of it is unknown."""
    done = run(("dpkg-query", *arguments), cwd=Path("/"), env={**os.environ, "LC_ALL": "C"})
    return done.stdout.decode("utf-8", "replace").splitlines()
