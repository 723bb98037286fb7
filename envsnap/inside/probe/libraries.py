"""Runs inside the captured interpreter and prints which system packages own what its shared objects and a job need.

Arguments: the folder of pyelftools' package, then the libraries that a job had loaded. It reads every shared object
of the environment and asks the package managers: a second or so, so envsnap keeps the answer and starts this script
only where something has changed. Nothing of the environment is imported.
"""

from __future__ import annotations

import os
import sys

from .document import show
from .elf import ElfReader, NotElfError
from .extensions import SharedObject, executable, shared_objects
from .needs import Needs, system_needs
from .owners import ManagedPackage, managers, owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NEEDERS = 3
"""Named for one missing library; the others are counted."""


def main(folder: str, *loaded: str) -> None:
    """Find out and show."""
    objects = shared_objects()
    try:
        needs, problems = system_needs(ElfReader(folder), objects), []
    except NotElfError as error:
        needs, problems = Needs({}, {}, {}), ["%s: %s" % (executable(), error)]
    if not managers():
        problems.append("there is no dpkg, rpm or apk that knows who owns a file")
    asked = {path: set(names) for path, names in needs.found.items()}
    for path in [*_of_system(loaded, objects), executable()]:
        asked.setdefault(path, {os.path.basename(path)})
    found, unanswered = owners(asked)
    settled = {"problems": problems + unanswered, "settled": not unanswered}
    show({**_of_needs(needs), **_of_owners(asked, found), **settled})


def _of_needs(needs: Needs) -> dict[str, object]:
    return {
        "missing": [_missing(name, by) for name, by in sorted(needs.missing.items())],
        "unreadable": {_text(path): why for path, why in sorted(needs.unreadable.items())},
    }


def _of_owners(asked: dict[str, set[str]], found: dict[str, ManagedPackage]) -> dict[str, object]:
    return {
        "packages": _packages(asked, found),
        "unowned": [_text(path) for path in sorted(set(asked) - set(found)) if not _is_of_environment(path)],
    }


def _of_system(loaded: Sequence[str], objects: list[SharedObject]) -> list[str]:
    """Leave out what a job loaded from the environment itself."""
    own = {os.path.realpath(item.path) for item in objects} if loaded else set()
    return [path for path in loaded if os.path.realpath(path) not in own]


def _packages(asked: dict[str, set[str]], found: dict[str, ManagedPackage]) -> list[dict[str, object]]:
    """Group the names of the libraries by the package that owns them."""
    names: dict[ManagedPackage, set[str]] = {}
    for path, package in found.items():
        names.setdefault(package, set()).update(asked[path])
    return [{**package._asdict(), "libraries": sorted(map(_text, names[package]))} for package in sorted(names)]


def _missing(soname: str, needers: list[str]) -> dict[str, object]:
    each = sorted({_text(needer) for needer in needers})
    return {"soname": _text(soname), "needers": each[:MOST_NEEDERS], "count": len(each)}


def _is_of_environment(path: str) -> bool:
    """Whether a file lies in the environment or in the interpreter's own installation, which no package need own."""
    folders = {os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix)} - {"/", "/usr"}
    return any(os.path.realpath(path).startswith(folder + "/") for folder in folders)


def _text(name: str) -> str:
    """Replace what is no Unicode in a file's name."""
    return name.encode("utf-8", "replace").decode("utf-8")
