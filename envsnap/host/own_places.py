"""The places of a project that envsnap itself writes to and empties: none of them may be a link to somewhere else."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from envsnap.errors import UsageError

WORK, BASELINE, LOCK = ".envsnap", "envsnap.baseline", "envsnap.lock"
GIT = ".git"
SETTINGS = ("envsnap.toml", "pyproject.toml")
RUNS = "runs"
FREE = frozenset({"venv", "context"})
"""Of ``.envsnap``: folders in which links are usual, and which are made anew and never written through."""


def refuse_links(project: Path) -> None:
    """Refuse a project whose ``.envsnap`` or baseline, or a part of them, leads elsewhere; nothing is touched.

    A clone, or a job, could make envsnap read, empty or overwrite folders of the user's through such a link. What a
    job wrote lies deeper, and is never followed.

    Raises:
        UsageError: names the link and where it leads.
    """
    for place in _places(project):
        if place.is_symlink():
            raise UsageError(
                f"{place} is a link to {os.readlink(place)}, and envsnap writes there: remove the link, "  # noqa: PTH115 - as it stands
                "or restore the folder"
            )


def _places(project: Path) -> Iterator[Path]:
    """Give each place before what is in it: a link is never entered."""
    for top in (project / WORK, project / BASELINE):
        yield top
        for part in _entries(top):
            yield part
            if part.name in FREE:
                continue
            for entry in _entries(part):
                yield entry
                if part.name == RUNS or top.name == BASELINE:
                    yield from _entries(entry)


def _entries(folder: Path) -> list[Path]:
    try:
        is_folder = stat.S_ISDIR(folder.lstat().st_mode)
        return sorted(folder.iterdir()) if is_folder else []
    except OSError:
        return []
