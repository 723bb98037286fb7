"""What an earlier probe said of a distribution, while the files that it was read from are in the same state."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        """Return the description of a ``.dist-info`` folder where it still holds, and a first module is there."""
        folder = os.path.join(root, entry)
        item = self._items.get(folder)
        if item is None or not os.path.exists(os.path.join(root, str(item["first-module"]))):
            return None
        bills = [str(bill["name"]) for bill in item["sboms"]]
        return item if item["state"] == state(folder, bills)[0] else None


def state(folder: str, bills: list[str]) -> tuple[str, int]:
    """Return what changes with every change of a ``.dist-info`` folder or of the files that describe it.

    Of the folder and each file: device, inode, size, and the times of the last write and of the inode's last change,
    which no call can set back: https://man7.org/linux/man-pages/man7/inode.7.html. The number is the latest of these
    times, in nanoseconds since 1970. "" and 0 where that is not all: the folder is not there, or its bills of materials
    lie in folders of their own.

    Args:
        folder: the ``.dist-info``.
        bills: the names of its bills of materials.
    """
    if any("/" in bill for bill in bills):
        return "", 0
    names = DESCRIBED_BY + (("sboms", *["sboms/" + bill for bill in bills]) if bills else ())
    found, latest = [], 0
    for path in (folder, *[folder + "/" + name for name in names]):
        try:
            it = os.stat(path)
        except OSError:
            if path == folder:
                return "", 0
            found.append("-")
        else:
            found.append("%d %d %d %d %d" % (it.st_dev, it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns))
            latest = max(latest, it.st_mtime_ns, it.st_ctime_ns)
    return ", ".join(found), latest


def _load(path: str) -> dict[str, dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            items = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return items if isinstance(items, dict) else {}
