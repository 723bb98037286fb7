"""Runs inside the interpreter that is captured and holds every installed file against its record.

Standard library only, Python 3.8 or newer. It hashes all that is installed, which takes seconds to minutes, and
answers like the probe: one JSON document after the marker.
"""

from __future__ import annotations

from .document import show
from .extra import extra_files
from .hashes import check_all
from .recorded import RecordOwner, recorded

MOST_FILES = 20
"""How many files of one owner and kind are named; the others are counted."""

OUTSIDE = "its path leads out of the environment: it is not looked at"


def main() -> None:
    """Check and show."""
    records = recorded()
    problems, files, size = check_all(records.expected)
    found = [(problem.expected.owner, problem.kind, problem.expected.path, problem.detail) for problem in problems]
    found += [(entry.owner, "outside-file", entry.path, OUTSIDE) for entry in records.outside]
    found += [
        (owner, "extra-file", path, "no record names it")
        for owner, path in extra_files(records.known, records.unrecorded)
    ]
    show(
        {
            "files": files,
            "bytes": size,
            "unrecorded": [owner._asdict() for owner in records.unrecorded],
            "problems": _grouped(found),
        }
    )


def _grouped(found: list[tuple[RecordOwner, str, str, str]]) -> list[dict[str, object]]:
    groups: dict[tuple[RecordOwner, str], list[tuple[str, str]]] = {}
    for owner, kind, path, detail in sorted(found):
        groups.setdefault((owner, kind), []).append((path, detail))
    return [
        {
            "root": owner.root,
            "folder": owner.folder,
            "kind": kind,
            "count": len(files),
            "files": [{"path": path, "detail": detail} for path, detail in files[:MOST_FILES]],
        }
        for (owner, kind), files in groups.items()
    ]
