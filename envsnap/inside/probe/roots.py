"""Tells how each folder that imports are searched in got onto the search path, and which ones cannot be read."""

from __future__ import annotations

import os
import site
import sys

from .files import listing, read, reason
from .interpreter import roots


def import_roots() -> list[dict[str, str]]:
    """List the folders on the search path: ``path``, ``origin`` and the ``problem`` of one that cannot be read.

    ``below-home`` is the path in the user's home folder, whose name tells who the user is.
    """
    known = known_places()
    found = [(path, known.get(os.path.realpath(path), "other"), listing(path)[1]) for path in roots()]
    found += unreadable_places({path for path, _, _ in found})
    return [
        {"path": path, "origin": origin, "below-home": below_home(path), "problem": problem}
        for path, origin, problem in found
    ]


def below_home(path: str) -> str:
    """Return the part of a path below the home folder; "" where it lies elsewhere."""
    home = os.path.join(os.path.expanduser("~"), "")
    return path[len(home) :] if os.path.isabs(home) and home != "/" and path.startswith(home) else ""


def known_places() -> dict[str, str]:
    """Return the origin of every folder whose way onto the search path is known; the first reason counts.

    The order is that of https://docs.python.org/3/library/site.html: PYTHONPATH stands before everything else.
    """
    places: dict[str, str] = {}
    sites = site_folders()
    for origin, folders in (("standard-library", standard_library()), ("pythonpath", pythonpath()), *sites):
        for folder in folders:
            places.setdefault(os.path.realpath(folder), origin)
    for _, folders in sites:
        for folder in folders:
            for named in named_by_pth(folder):
                places.setdefault(os.path.realpath(named), "pth")
    return places


def site_folders() -> list[tuple[str, list[str]]]:
    """Return the folders that the interpreter itself installs into; Debian names its own dist-packages."""
    own = site.getsitepackages([sys.prefix])
    base = site.getsitepackages([sys.base_prefix]) if sys.base_prefix != sys.prefix else []
    return [
        ("dist-packages", [folder for folder in own if os.path.basename(folder) == "dist-packages"]),
        ("site-packages", own),
        ("user-site", [site.getusersitepackages()]),
        ("base", base),
    ]


def standard_library() -> list[str]:
    """Return the folder of the standard library, and that of its extension modules."""
    folder = os.path.dirname(os.__file__)
    return [folder, os.path.join(folder, "lib-dynload")]


def pythonpath() -> list[str]:
    """Return the folders that PYTHONPATH names."""
    ignored = sys.flags.ignore_environment or sys.flags.isolated
    text = "" if ignored else os.environ.get("PYTHONPATH", "")
    return [folder for folder in text.split(os.pathsep) if folder]


def named_by_pth(folder: str) -> list[str]:
    """Return the folders that the ``.pth`` files of a site folder name; a line that is code is not one."""
    named = []
    for entry in listing(folder)[0]:
        if entry.endswith(".pth"):
            lines = read(os.path.join(folder, entry)).splitlines()
            named += [
                line.rstrip() for line in lines if line.strip() and not line.startswith(("#", "import ", "import\t"))
            ]
    return [os.path.join(folder, name) for name in named]


def unreadable_places(seen: set[str]) -> list[tuple[str, str, str]]:
    """Return the folders that would be on the search path and are none, as a broken link leaves them."""
    own = dict.fromkeys(site.getsitepackages([sys.prefix]), "site-packages")
    named = {folder: "pythonpath" for folder in pythonpath() if not os.path.isfile(folder)}
    places = [(path, origin, why_no_folder(path)) for path, origin in {**named, **own}.items() if path not in seen]
    return [place for place in places if place[2]]


def why_no_folder(path: str) -> str:
    """Say why what stands there is no folder; "" where it is one, or nothing stands there."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return "it is a broken link" if os.path.islink(path) else ""
    except OSError as error:
        return reason(error)
    return "" if os.path.isdir(path) else "it is no folder"
