"""Packages of the distribution that own libraries which the job loaded."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from envsnap.host.process import run
from envsnap.manifest.facts import System, SystemPackage
from envsnap.manifest.observation import LoadedLibrary

OWNER = re.compile(r"^(?P<names>[^ ].*?): (?P<path>/.*)$")


def capture_system(libraries: Sequence[LoadedLibrary]) -> System | None:
    """Ask dpkg who owns the libraries that lie outside the Python environment; None where there is no dpkg."""
    paths = sorted({library.path for library in libraries if library.path.startswith("/")})
    if not paths or shutil.which("dpkg-query") is None:
        return None
    names = sorted({name for path in paths for name in _owners(path)})
    return System(packages=tuple(package for name in names for package in _describe(name)))


def _owners(path: str) -> list[str]:
    """Name the owners of a file; on merged-/usr systems dpkg may know it by the path without /usr, or by its target."""
    real = str(Path(path).resolve())
    spellings = dict.fromkeys((path, real, real.removeprefix("/usr"), f"/usr{path}"))
    done = run(("dpkg-query", "--search", *spellings), cwd=Path("/"), env={**os.environ, "LC_ALL": "C"})
    matches = map(OWNER.match, done.stdout.decode("utf-8", "replace").splitlines())
    return [name.strip() for match in matches if match for name in match.group("names").split(",")]


def _describe(name: str) -> list[SystemPackage]:
    form = "${Package}\\t${Version}\\t${Architecture}\\n"
    done = run(
        ("dpkg-query", "--show", f"--showformat={form}", name),
        cwd=Path("/"),
        env={**os.environ, "LC_ALL": "C"},
    )
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return [SystemPackage(manager="dpkg", name=row[0], version=row[1], arch=row[2]) for row in rows if len(row) == 3]  # noqa: PLR2004 - the three fields asked for
