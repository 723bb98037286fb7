"""What RECORDs came to, kept in a file of the user's from one probe to the next: most of them never change.

Taking them apart is half of a probe: without this a static freeze of 258 packages takes a third longer.
"""

from __future__ import annotations

import json
import os
import time

VERSION = 2
MOST = 5000
"""Records that are kept: those of the last few environments."""
ROW = 7
"""Five facts of a file's state, then digest and first module."""
RACY_NANOSECONDS = 2000000000
"""A file that changed this shortly before may change again without a trace: https://git-scm.com/docs/racy-git."""


class RecordCache:
    """Content digest and first module of a RECORD, by its path and its state on the disk.

    Args:
        path: the file; "" for none. One that cannot be read is as good as none.
    """

    def __init__(self, path: str = "") -> None:
        self._path = path
        self._known = _load(path)
        self._seen: dict[str, list[object]] = {}
        self._is_new = False
        self._recent = time.time_ns() - RACY_NANOSECONDS

    def find(self, record: str) -> tuple[str, str] | None:
        """Return what a RECORD came to when it was taken apart, if it is still in the same state."""
        state = _state(record) if self._path else None
        kept = self._known.get(record)
        if state is None or kept is None or kept[: len(state)] != state:
            return None
        self._seen[record] = kept
        return str(kept[-2]), str(kept[-1])

    def keep(self, record: str, digest: str, first: str) -> None:
        """Keep what a RECORD came to."""
        state = _state(record) if self._path else None
        if state is not None and max(state[3:]) < self._recent:
            self._seen[record] = [*state, digest, first]
            self._is_new = self._is_new or self._seen[record] != self._known.get(record)

    def save(self) -> None:
        """Write what is new; where that cannot be, what was found is right all the same."""
        if not self._is_new:
            return
        others = [item for item in self._known.items() if item[0] not in self._seen]
        records = dict([*self._seen.items(), *others][:MOST])
        draft = "%s.%d" % (self._path, os.getpid())
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(draft, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "records": records}, file)
            os.replace(draft, self._path)
        except (OSError, UnicodeError):
            return


def _state(path: str) -> list[int] | None:
    """Return what changes with every change of a file: https://man7.org/linux/man-pages/man7/inode.7.html."""
    try:
        it = os.stat(path)
    except OSError:
        return None
    return [it.st_dev, it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns]


def _load(path: str) -> dict[str, list[object]]:
    try:
        with open(path, "rb") as file:
            kept = json.loads(file.read())
        records = kept["records"] if kept["version"] == VERSION else {}
        return {name: row for name, row in records.items() if len(row) == ROW}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
