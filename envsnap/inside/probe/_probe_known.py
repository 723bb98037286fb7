"""What an earlier probe said of a distribution, while the files that it was read from are in the same state."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
"""Of the file: another one is that of another envsnap, whose descriptions may lack something."""
DESCRIBED_BY = ("METADATA", "RECORD", "WHEEL", "INSTALLER", "direct_url.json", "provenance_url.json")
"""What a description is read from, beside the names in the folder: REQUESTED says all by being there."""


class Known:
    """Descriptions by folder, as an earlier probe gave them, each with its ``state``.

    Args:
        path: a file with them; "" for none. One that cannot be read is as good as none.
    """

    def __init__(self, path: str = "") -> None:
        self._items = _load(path)

    def find(self, root: str, entry: str) -> dict[str, Any] | None:
        """Return the description of a ``.dist-info`` folder that still holds, if a file of the package is there."""
        folder = os.path.join(root, entry)
        item = self._items.get(folder)
        if not isinstance(item, dict) or not {"first-file", "read-from", "state"} <= item.keys():
            return None
        if not os.path.exists(os.path.join(root, item["first-file"])):
            return None
        return item if item["state"] == state(folder, item["read-from"])[0] else None


def read_from(names: list[str], bills: list[str]) -> list[str]:
    """Name the files below a ``.dist-info`` folder that its description is read from.

    Args:
        names: what lies in the folder: another name there changes the folder's own times.
        bills: the names of its bills of materials.
    """
    own = [name for name in DESCRIBED_BY if name in names]
    return [*own, "sboms", *["sboms/" + bill for bill in bills]] if bills else own


def state(folder: str, names: list[str]) -> tuple[str, int]:
    """Return what changes with every change of a ``.dist-info`` folder or of the files that describe it.

    Of the folder and each file: device, inode, size, and the times of the last write and of the inode's last change,
    which no call can set back: https://man7.org/linux/man-pages/man7/inode.7.html. The number is the latest of these
    times, in nanoseconds since 1970. "" and 0 where that is not all: a file is not there, or a bill of materials lies
    in a folder of its own.

    Args:
        folder: the ``.dist-info``.
        names: what :func:`read_from` gave.
    """
    if any(name.count("/") > 1 for name in names):
        return "", 0
    found, latest = [], 0
    try:
        for path in (folder, *[folder + "/" + name for name in names]):
            it = os.stat(path)
            found.append("%d %d %d %d %d" % (it.st_dev, it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns))
            latest = max(latest, it.st_mtime_ns, it.st_ctime_ns)
    except OSError:
        return "", 0
    return ", ".join(found), latest


def _load(path: str) -> dict[str, dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            kept = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    packages = kept.get("packages") if isinstance(kept, dict) and kept.get("version") == VERSION else None
    return packages if isinstance(packages, dict) else {}
