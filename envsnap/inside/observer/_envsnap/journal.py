"""Notes what a process does in a file of its own, line by line: a worker that is killed has told it already."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from typing import Any

    Entry = dict[str, Any]


class Journal:
    """The file ``events-<pid>.jsonl`` in the report folder.

    It is opened for each line anew: a descriptor that is kept could be closed by the job and then be another file's.

    Args:
        folder: the report folder.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def write(self, kind: str, entry: Entry) -> None:
        """Append ``{kind: entry}``; after a fork the child has a file of its own."""
        from json import dumps

        path = os.path.join(self._folder, "events-{}.jsonl".format(os.getpid()))
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, (dumps({kind: entry}) + "\n").encode("ascii"))
        finally:
            os.close(handle)
