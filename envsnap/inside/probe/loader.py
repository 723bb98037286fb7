"""Finds a library by its name where the loader would, without loading anything.

The order is that of ld.so (https://man7.org/linux/man-pages/man8/ld.so.8.html): RPATH, LD_LIBRARY_PATH, RUNPATH,
the loader's cache, the default folders. musl has no cache but a list of folders.
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys

from .elf import Elf
from .files import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LDCONFIG = ("/sbin/ldconfig", "/usr/sbin/ldconfig")
CACHE_LINE = re.compile(r"^\t(?P<soname>\S+) \(.*\) => (?P<path>/.*)$", re.MULTILINE)
DEFAULT_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
MUSL_FOLDERS = ("/lib", "/usr/local/lib", "/usr/lib")
ANSWER_SECONDS = 60


class Loader:
    """Where libraries lie for one process: the interpreter at ``executable``, which ``program`` describes.

    Args:
        fits: whether the file at a path is a library for this machine; asked of libraries outside of ``owned`` only.
        owned: paths of the environment's own libraries.
    """

    def __init__(self, executable: str, program: Elf, owned: frozenset[str], fits: Callable[[str], bool]) -> None:
        self._owned, self._fits = owned, fits
        # The program's own RPATH serves whatever it loads; its RUNPATH only what it needs itself.
        self._inherited = [] if program.runpath else folders_of(program.rpath, executable)
        self._set = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder.startswith("/")]
        self._cache = loader_cache()
        self._default = default_folders()
        self._known: dict[tuple[object, ...], str] = {}

    def find(self, soname: str, elf: Elf, path: str) -> str:
        """Return the path of what ``elf``, which lies at ``path``, gets for ``soname``; "" where there is none."""
        if "/" in soname:
            return soname if os.path.isfile(soname) else ""
        origin = os.path.dirname(path) if elf.rpath or elf.runpath else ""
        key = (soname, elf.rpath, elf.runpath, origin)
        if key not in self._known:
            self._known[key] = self._search(soname, elf, path)
        return self._known[key]

    def _search(self, soname: str, elf: Elf, path: str) -> str:
        first = [] if elf.runpath else folders_of(elf.rpath, path) + self._inherited
        folders = first + self._set + folders_of(elf.runpath, path)
        candidates = [os.path.join(folder, soname) for folder in folders] + self._cache.get(soname, [])
        candidates += [os.path.join(folder, soname) for folder in self._default]
        return next((candidate for candidate in candidates if candidate in self._owned or self._is_one(candidate)), "")

    def _is_one(self, path: str) -> bool:
        return os.path.isfile(path) and self._fits(path)


def folders_of(entries: Sequence[str], path: str) -> list[str]:
    """Spell out RPATH or RUNPATH entries of the file at ``path``; a relative one follows the job's folder: left out."""
    origin = os.path.dirname(os.path.realpath(path))
    spelt = [re.sub(r"\$ORIGIN\b|\$\{ORIGIN\}", lambda _: origin, entry) for entry in entries]
    return [os.path.normpath(folder) for folder in spelt if folder.startswith("/")]


def loader_cache() -> dict[str, list[str]]:
    """Return the paths by name that the loader's cache holds, in its order; nothing where there is none."""
    for program in LDCONFIG:
        if os.access(program, os.X_OK):
            return parse_cache(_ask(program, "-p"))
    return {}


def parse_cache(text: str) -> dict[str, list[str]]:
    """Read the answer of ``ldconfig -p``."""
    found: dict[str, list[str]] = {}
    for soname, path in CACHE_LINE.findall(text):
        found.setdefault(soname, []).append(path)
    return found


def default_folders() -> list[str]:
    """List the folders that are searched last; on musl that is all there is beside LD_LIBRARY_PATH."""
    lists = [path for path in sorted(glob.glob("/etc/ld-musl-*.path")) if read(path).strip()]
    if lists:
        return [folder for folder in re.split(r"[:\n]", read(lists[0])) if folder.startswith("/")]
    if glob.glob("/lib/ld-musl-*"):
        return list(MUSL_FOLDERS)
    triplet = getattr(sys.implementation, "_multiarch", "")
    multiarch = ["/lib/" + triplet, "/usr/lib/" + triplet] if triplet else []
    return multiarch + list(DEFAULT_FOLDERS)


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
