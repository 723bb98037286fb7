"""Copies the files of one distribution, as its RECORD lists them, out of the environment that it is installed in.

Its argument is JSON: ``root``, the import root; ``folder``, its ``.dist-info``; ``prefix``, the
environment's; ``target``, an empty folder. A file ``/opt/venv/lib/x.py`` becomes ``target/opt/venv/lib/x.py``.
"""

from __future__ import annotations

import json
import os
import shutil

from .files import is_inside, read
from .record import recorded_paths


def main(argument: str) -> None:
    """Copy what the argument names."""
    asked = json.loads(argument)
    copy(asked["root"], asked["folder"], asked["prefix"], asked["target"])


def copy(root: str, folder: str, prefix: str, target: str) -> None:
    """Copy the files with their modes; one that is missing is left for whoever reads the copy to find out.

    A row of RECORD that points outside of the environment is not followed.
    """
    above = root.rstrip("/").rsplit("/", 3)  # BASE/lib/python3.11/site-packages
    places = [place for place in (root, prefix, above[0]) if place.strip("/")]
    for name in recorded_paths(read(os.path.join(root, folder, "RECORD"))):
        source = os.path.normpath(os.path.join(root, name))
        if os.path.isfile(source) and is_inside(source, places):
            place = os.path.join(target, source.lstrip("/"))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copy(source, place)
