"""The content digest of an installation: computed from RECORD alone, equal for equal files."""

from __future__ import annotations

import hashlib

SHARED_FOLDERS = ("bin/", "Scripts/", "include/")
UNUSUAL = ('"', "\\", ".data/", "\r")
APART = ("../", ",", *SHARED_FOLDERS)
DIST_INFO = ".dist-info/"
TO_LIB = len("../../")
"""From ``lib/pythonX.Y/site-packages`` up to ``lib``, where the MPI wheels put their libraries."""
COMMAS = 2
"""In a row: ``path,hash,size``."""
INSTALLER_FILES = frozenset(
    [
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "provenance_url.json",
        "uv_cache.json",
        "uv_build.json",
    ]
)


def content_digest(record: str) -> tuple[str, int]:
    """Return SHA-256 over the sorted ``path,hash`` rows of a RECORD, and how many rows took part.

    Left out is what differs between installers and places, not between artefacts: RECORD itself, the
    installer's own notes, scripts and headers, and compiled files.
    """
    return digest_of_rows(content_rows(record))


def digest_of_rows(rows: list[str]) -> tuple[str, int]:
    """Return the digest of what :func:`content_rows` gave."""
    return (hashlib.sha256("\n".join(rows).encode("utf-8")).hexdigest(), len(rows)) if rows else ("", 0)


def content_rows(record: str) -> list[str]:
    """Return the sorted ``path,hash`` rows that are the artefact's own.

    Nearly every row of a RECORD is ``path,hash,size`` and stands for itself: only the others are taken apart, or all
    would take twice the time.
    """
    if any(mark in record for mark in UNUSUAL):
        return sorted(filter(None, map(_row, _rows(record))))
    rows = []
    for line in record.split("\n"):
        if DIST_INFO in line or line.startswith(APART) or line.count(",") != COMMAS:
            rows.append(_row(line.rsplit(",", COMMAS)))
        elif ".pyc," not in line:
            rows.append(line.rpartition(",")[0])
    return sorted(filter(None, rows))


def _row(fields: list[str]) -> str:
    path = _place(fields[0])
    return path + "," + (fields[1] if len(fields) > 1 else "") if path and _counts(path) else ""


def recorded_paths(record: str) -> list[str]:
    """Return the paths that a RECORD names, as it spells them."""
    return [fields[0] for fields in _rows(record) if fields[0]]


def _rows(record: str) -> list[list[str]]:
    """Split RECORD; only a record with quotes needs the slower csv module, and a quoted path can hold a newline."""
    if '"' in record:
        import csv
        import io

        return [row for row in csv.reader(io.StringIO(record, newline="")) if row]
    return [line.rstrip("\r").rsplit(",", 2) for line in record.split("\n") if line]


def _place(recorded: str) -> str:
    """Say where a file lies, in words that fit a wheel and its installation alike."""
    path = recorded.replace("\\", "/")
    first, _, rest = path.partition("/")
    if first.endswith(".data"):
        scheme, _, inner = rest.partition("/")
        path = {"purelib": inner, "platlib": inner, "data": inner}.get(scheme, "bin/")
    inner = path
    while inner.startswith("../"):
        inner = inner[3:]
    beside = len(path) - len(inner) == TO_LIB and not inner.startswith(SHARED_FOLDERS)
    return "lib/" + inner if beside else inner


def _counts(path: str) -> bool:
    if path.endswith(".pyc") or path.startswith(SHARED_FOLDERS):
        return False
    folder, _, name = path.rpartition("/")
    return not (folder.endswith(".dist-info") and name in INSTALLER_FILES)
