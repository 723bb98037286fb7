"""Lists the shared objects that belong to the environment: the interpreter's, each distribution's and conda's."""

from __future__ import annotations

import csv
import os
import re
import sys
from typing import NamedTuple

from .files import entries, is_inside, read
from .interpreter import roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED_OBJECT = re.compile(r"\.so(\.\d+)*$")
INTERPRETER = "the interpreter"
LONGEST_LINE = 16_384
MOST_WALKED = 100_000
"""Files looked at below the folders of one distribution that has no RECORD."""


class SharedObject(NamedTuple):
    """A file that is named as a shared object, and what it belongs to."""

    path: str
    owner: str
    name: str


def shared_objects() -> list[SharedObject]:
    """List them, each file once, under the owner that names it first."""
    found: dict[str, SharedObject] = {}
    for item in [*_of_interpreter(), *_of_distributions(), *_of_conda()]:
        found.setdefault(item.path, item)
    return list(found.values())


def executable() -> str:
    """Return the file that the running interpreter was started from."""
    return os.path.realpath("/proc/self/exe" if os.path.exists("/proc/self/exe") else sys.executable)


def _of_interpreter() -> Iterator[SharedObject]:
    yield SharedObject(executable(), INTERPRETER, os.path.basename(executable()))
    folder = os.path.join(os.path.realpath(os.path.dirname(os.__file__)), "lib-dynload")
    for name in entries(folder):
        # Tk draws windows: it moves no number, and slim images of Python leave its library out.
        if SHARED_OBJECT.search(name) and not name.startswith("_tkinter"):
            yield SharedObject(os.path.join(folder, name), INTERPRETER, "lib-dynload/" + name)


def _of_distributions() -> Iterator[SharedObject]:
    # Where the loader finds a file by RUNPATH, its folder is the real one: the same spelling is needed here.
    for root in dict.fromkeys(map(os.path.realpath, roots())):
        for entry in entries(root):
            if entry.endswith(".dist-info"):
                yield from _recorded(root, entry)
            elif entry.endswith(".egg-info"):
                yield from _unrecorded(root, entry)


def _recorded(root: str, entry: str) -> Iterator[SharedObject]:
    record = read(os.path.join(root, entry, "RECORD"))
    name = entry.split("-", 1)[0]
    if not record:
        yield from _unrecorded(root, entry)
    for recorded in (_recorded_path(line) for line in record.splitlines() if ".so" in line):
        path = os.path.normpath(os.path.join(root, recorded))
        if SHARED_OBJECT.search(recorded) and is_inside(path, (root, os.path.realpath(sys.prefix))):
            yield SharedObject(path, name, recorded)


def _recorded_path(line: str) -> str:
    """Return the path in one line of RECORD; "" where it cannot be one."""
    if len(line) > LONGEST_LINE or "\0" in line:
        return ""
    if line.startswith('"'):
        return next(csv.reader([line]))[0]
    return line.rsplit(",", 2)[0]


def _unrecorded(root: str, entry: str) -> Iterator[SharedObject]:
    """List the objects below the packages that a distribution without RECORD names, as Debian's are."""
    name = entry.split("-", 1)[0]
    listed = read(os.path.join(root, entry, "top_level.txt")).split() or [name]
    seen = 0
    for top in (top for top in listed if os.path.basename(top) == top and top not in (".", "..")):
        for folder, _, files in os.walk(os.path.join(root, top)):
            seen += len(files)
            if seen > MOST_WALKED:
                return
            for path in (os.path.join(folder, file) for file in sorted(files) if SHARED_OBJECT.search(file)):
                yield SharedObject(path, name, os.path.relpath(path, root))


def _of_conda() -> Iterator[SharedObject]:
    prefix = os.path.realpath(sys.prefix)
    folder = os.path.join(prefix, "conda-meta")
    for entry in entries(folder):
        if entry.endswith(".json"):
            # The list of files alone: some records hold much more, and are read in full by the probe.
            for name in re.findall(r'"([^"\\]+\.so(?:\.\d+)*)"', read(os.path.join(folder, entry))):
                path = os.path.normpath(os.path.join(prefix, name))
                if is_inside(path, (prefix,)) and os.path.exists(path):
                    yield SharedObject(path, entry.rsplit("-", 2)[0], name)
