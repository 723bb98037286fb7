"""Says which source files a process imported that belong to no package: the job's own code, wherever it lies."""

from __future__ import annotations

import hashlib
import os
import sys

from .places import Places, printable

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FILES = 2000
MOST_BYTES = 2**20
"""A longer source file is data; it gets no digest."""


def sources(places: Places) -> list[dict[str, str]]:
    """Return path, module and SHA-256 of each, in order of the path, which is relative to the job's folder."""
    found = {path: name for name, path in _own_modules(places)}
    return [
        {
            "path": printable(os.path.relpath(path, places.folder)),
            "module": printable(found[path]),
            "sha256": _digest(path),
        }
        for path in sorted(found)[:MOST_FILES]
    ]


def _own_modules(places: Places) -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not path.endswith(".py") or name.startswith(("_envsnap", "__mp_main__")):
            continue
        absolute = os.path.join(places.folder, path)
        if not (places.is_foreign(absolute) or places.is_standard(absolute)):
            yield name, os.path.normpath(absolute)


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:  # the job removed it, or imported it from an archive
        return ""
    return hashlib.sha256(data).hexdigest() if len(data) <= MOST_BYTES else ""
