"""Compares what RECORD promises with what is there, where a glance is enough: every file is ``verify_files``'s job."""

from __future__ import annotations

import hashlib
import os

from .files import fetch, read
from .record import content_rows, recorded_paths

SAMPLE = 200
LARGEST = 64 * 1024 * 1024


def has_modules(root: str, rows: list[str], record: str) -> bool:
    """Whether anything of a package is left beside its ``.dist-info``; one look is enough for a sound package."""
    first = first_module(rows)
    if not first or os.path.exists(os.path.join(root, first)):
        return True
    tops = {path.partition("/")[0] for path in recorded_paths(record) if not path.startswith(("../", "/"))}
    tops = {top for top in tops if not top.endswith(".dist-info") and top != "__pycache__"}
    return not tops or any(os.path.lexists(os.path.join(root, top)) for top in tops)


def first_module(rows: list[str]) -> str:
    """Return the first file of a package beside its ``.dist-info``; "" where there is none."""
    return next((path for path in map(_path, rows) if ".dist-info/" not in path), "")


def note_doubles(found: list[dict[str, object]]) -> None:
    """Count, where two records of one project stand in one folder, how many files are as each of them says."""
    groups: dict[tuple[str, str], list[dict[str, object]]] = {}
    for item in found:
        if str(item["folder"]).endswith(".dist-info") and not str(item["folder"]).startswith("~"):
            name = str(item["name"]).replace("_", "-").replace(".", "-").lower()
            groups.setdefault((str(item["root"]), name), []).append(item)
    for group in groups.values():
        for item in group if len(group) > 1 else ():
            item["sampled"], item["matching"] = _matching(str(item["root"]), str(item["folder"]))


def _matching(root: str, folder: str) -> tuple[int, int]:
    """Return how many files of a RECORD were hashed, and how many of them are the recorded ones."""
    rows = content_rows(read(os.path.join(root, folder, "RECORD")))
    own = [row for row in rows if ",sha256=" in row and ".dist-info/" not in row and not row.startswith("/")]
    sample = own[:: max(1, len(own) // SAMPLE)]
    return len(sample), sum(_is_recorded(root, row) for row in sample)


def _is_recorded(root: str, row: str) -> bool:
    from base64 import urlsafe_b64encode

    path, _, digest = row.rpartition(",sha256=")
    data, reason = fetch(os.path.join(root, path), LARGEST)
    return not reason and urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode() == digest


def _path(row: str) -> str:
    return row.rpartition(",")[0]
