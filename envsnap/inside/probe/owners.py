"""Asks the distribution's package managers which package owns a file: one question for all files, one for the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Asking = Callable[[Sequence[str]], dict[str, "ManagedPackage"]]

ANSWER_SECONDS = 120
GLOB = re.compile(r"[*?\[\]\\]")
"""dpkg takes a path with one of these for a pattern."""
DPKG_LINE = re.compile(r"^(?!diversion by )(?P<names>[^ ].*?): (?P<path>/.*)$")
DPKG_FORM = "${binary:Package}\\t${Package}\\t${Version}\\t${Architecture}\\n"
RPM_FORM = "%{NAME}\\t%{EVR}\\t%{ARCH}[\\t%{FILENAMES}]\\n"
APK_LINE = re.compile(r"^(?P<path>/.*?)(?: symlink target)? is owned by (?P<name>\S+)-(?P<version>\d[^-\s]*-r\d+)$")


class ManagedPackage(NamedTuple):
    """One package of the distribution."""

    manager: str
    name: str
    version: str
    arch: str


def owners(paths: Iterable[str]) -> tuple[dict[str, ManagedPackage], list[str]]:
    """Return the owner of each path that has one, and what kept a manager from answering.

    A manager is asked about what those before it do not own: Debian has rpm as a tool, and no file of its own in it.
    """
    found: dict[str, ManagedPackage] = {}
    problems = []
    left = sorted(set(paths))
    for tool, ask in managers():
        try:
            found.update(ask(left) if left else {})
        except (OSError, subprocess.TimeoutExpired) as error:
            problems.append("%s does not answer: %s" % (tool, error))
        left = [path for path in left if path not in found]
    return found, problems


def managers() -> list[tuple[str, Asking]]:
    """List the package managers that are there."""
    return [(tool, ask) for tool, ask in MANAGERS if shutil.which(tool)]


def spellings(path: str) -> list[str]:
    """Return the names that a manager may know a file by: as given, or its target, with /usr or without.

    Where /lib is a link to /usr/lib a package may still say /lib: https://wiki.debian.org/UsrMerge
    """
    names = [path, os.path.realpath(path)]
    names += [name[len("/usr") :] if name.startswith("/usr/") else "/usr" + name for name in names]
    return list(dict.fromkeys(names))


def _dpkg(paths: Sequence[str]) -> dict[str, ManagedPackage]:
    spelt = {path: [name for name in spellings(path) if not GLOB.search(name)] for path in paths}
    asked = sorted({name for names in spelt.values() for name in names})
    matches = [DPKG_LINE.match(line) for line in _ask("dpkg-query", "--search", *asked)] if asked else []
    by_file = {match.group("path"): match.group("names").split(",")[0].strip() for match in matches if match}
    if not by_file:
        return {}
    rows = [
        line.split("\t") for line in _ask("dpkg-query", "--show", "--showformat=" + DPKG_FORM, *set(by_file.values()))
    ]
    packages = {}
    for row in rows:
        if len(row) == 4:  # noqa: PLR2004
            packages[row[0]] = packages[row[1]] = ManagedPackage("dpkg", *row[1:])
    return _match(spelt, {path: packages[name] for path, name in by_file.items() if name in packages})


def _rpm(paths: Sequence[str]) -> dict[str, ManagedPackage]:
    by_file = {}
    for line in _ask("rpm", "--query", "--file", "--queryformat", RPM_FORM, *paths):
        fields = line.split("\t")
        if len(fields) > 3:  # noqa: PLR2004
            by_file.update(dict.fromkeys(fields[3:], ManagedPackage("rpm", *fields[:3])))
    return _match({path: spellings(path) for path in paths}, by_file)


def _apk(paths: Sequence[str]) -> dict[str, ManagedPackage]:
    matches = [APK_LINE.match(line) for line in _ask("apk", "info", "--who-owns", *paths)]
    arch = "".join(_ask("apk", "--print-arch")).strip()
    by_file = {m.group("path"): ManagedPackage("apk", m.group("name"), m.group("version"), arch) for m in matches if m}
    return _match({path: spellings(path) for path in paths}, by_file)


def _match(spelt: dict[str, list[str]], by_file: dict[str, ManagedPackage]) -> dict[str, ManagedPackage]:
    found = {path: next((name for name in names if name in by_file), None) for path, names in spelt.items()}
    return {path: by_file[name] for path, name in found.items() if name is not None}


def _ask(*command: str) -> list[str]:
    """Return the lines of an answer; the exit code only says that some of what was asked is unknown."""
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, env=env, timeout=ANSWER_SECONDS
    )
    return done.stdout.decode("utf-8", "replace").splitlines()


MANAGERS: tuple[tuple[str, Asking], ...] = (
    ("dpkg-query", _dpkg),
    ("rpm", _rpm),
    ("apk", _apk),
)
