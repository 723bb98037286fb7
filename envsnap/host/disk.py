"""Free space on this machine's file systems."""

import shutil
from pathlib import Path


def free_space(path: Path) -> tuple[int, int] | None:
    """Return the file system's number and the bytes that this user may still write at ``path``.

    A folder that is not there yet is judged by the nearest one above it. None: it cannot be told.
    """
    for place in (path, *path.parents):
        try:
            return place.stat().st_dev, shutil.disk_usage(place).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None
