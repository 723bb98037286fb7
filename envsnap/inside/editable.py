"""Puts the project's own packages on the search path, as the editable installation did that was captured.

A copy of this file stands in a rebuilt environment for each such package, with a list of its places beside it. The
places are relative to the project; where that lies, ENVSNAP_PROJECT says, or a note in the environment's own folder.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

PROJECT = "ENVSNAP_PROJECT"
"""The variable with the project's folder."""
BUILT = "ENVSNAP_BUILT"
"""The variable with the folder of what was built anew, a folder in it for each package."""
NOTE = "envsnap-project.txt"
"""In the folder of a virtual environment: the project that it was built for."""


class PlacesByName:
    """A ``sys.meta_path`` finder of modules whose places are known by name."""

    def __init__(self, modules: dict[str, str], namespaces: dict[str, list[str]]) -> None:
        self._modules = modules
        self._namespaces = namespaces

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module lies; None for a name that is not known."""
        del path, target
        place = self._modules.get(name)
        if place is not None:
            return _spec(name, place)
        folders = [folder for folder in self._namespaces.get(name, []) if os.path.isdir(folder)]
        if not folders:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec


def _spec(name: str, place: str) -> ModuleSpec | None:
    package = os.path.join(place, "__init__.py")
    if os.path.isfile(package):
        return spec_from_file_location(name, package, submodule_search_locations=[place])
    return spec_from_file_location(name, place + ".py") if os.path.isfile(place + ".py") else None


def activate(own: str) -> None:
    """Make the package importable whose copy of this file is ``own``; without a project nothing is done."""
    with open(os.path.splitext(own)[0] + ".json", encoding="utf-8") as file:
        places = json.load(file)
    if places["is-built"]:
        folder = os.environ.get(BUILT)
        _append([os.path.join(folder, places["name"])] if folder else [])
        return
    project = os.environ.get(PROJECT) or _noted()
    if not project:
        return

    def absolute(place: str) -> str:
        return os.path.normpath(os.path.join(project, place))

    _append([absolute(root) for root in places["roots"]])
    if places["modules"] or places["namespaces"]:
        modules = {name: absolute(place) for name, place in places["modules"].items()}
        namespaces = {name: [absolute(place) for place in folders] for name, folders in places["namespaces"].items()}
        sys.meta_path.append(PlacesByName(modules, namespaces))


def _append(folders: list[str]) -> None:
    sys.path.extend(folder for folder in folders if folder not in sys.path)


def _noted() -> str:
    try:
        with open(os.path.join(sys.prefix, NOTE), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:  # an image has none: its project comes with each run
        return ""
