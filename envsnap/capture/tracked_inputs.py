"""Inputs that DVC or Git LFS track: which version those record, and whether it is the one that lies here."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec.structs import replace

from envsnap.capture.data import CapturedData
from envsnap.host.git import LFS_POINTER, LFS_POINTER_BYTES
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Datum

FILE_LIMIT = 4 * 2**20
"""Bytes of a .dvc or dvc.lock file."""


class _DvcOutput(msgspec.Struct, frozen=True):
    """One entry of ``outs``: https://dvc.org/doc/user-guide/project-structure/dvc-files."""

    path: str
    md5: str = ""
    size: int | None = None


def describe_tracked(captured: CapturedData, project: Path) -> tuple[tuple[Datum, ...], tuple[Finding, ...]]:
    """Add to each input what DVC records of it, and name those that are another version, or a pointer only.

    Args:
        captured: the inputs as found.
        project: the project's folder.
    """
    recorded = _recorded_by_dvc([datum.path for datum in captured.data], project)
    data = tuple(
        replace(datum, tracked_by="dvc", tracked_hash=recorded[datum.path].md5) if datum.path in recorded else datum
        for datum in captured.data
    )
    findings = (*_pointers(captured.data, project), *_other_versions(data, recorded, project))
    return data, tuple(sorted(findings))


def _pointers(data: tuple[Datum, ...], project: Path) -> Iterator[Finding]:
    for datum in data:
        if datum.files == 0 and datum.size <= LFS_POINTER_BYTES:
            match = LFS_POINTER.match((project / datum.path).read_bytes())
            if match:
                detail = f"a pointer to {int(match[2]):,} bytes (oid {match[1].decode()[:12]}): run 'git lfs pull'"
                yield Finding(kind="lfs-pointer", subject=datum.path, detail=detail)


def _other_versions(data: tuple[Datum, ...], recorded: Mapping[str, _DvcOutput], project: Path) -> Iterator[Finding]:
    for datum in data:
        out = recorded.get(datum.path)
        if out is None or datum.files or not out.md5 or out.md5.endswith(".dir"):
            continue
        if out.size not in {None, datum.size} or _md5(project / datum.path) != out.md5:
            detail = f"DVC records md5 {out.md5[:12]}, this file has another: run 'dvc checkout', or 'dvc add'"
            yield Finding(kind="tracked-input", subject=datum.path, detail=detail)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _recorded_by_dvc(paths: list[str], project: Path) -> dict[str, _DvcOutput]:
    """Look beside each input for ``NAME.dvc``, and into ``dvc.lock`` of the project."""
    found: dict[str, _DvcOutput] = {}
    for path in paths:
        for out in _entries(_load(project / f"{path}.dvc")):
            found[str(PurePosixPath(path).parent / out.path)] = out
    lock = _load(project / "dvc.lock")
    stages = lock.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        for out in _entries(stage):
            found.setdefault(out.path, out)
    return {path: out for path, out in found.items() if path in paths}


def _entries(table: object) -> list[_DvcOutput]:
    listed = table.get("outs") if isinstance(table, dict) else None
    entries = []
    for entry in listed if isinstance(listed, list) else ():
        try:
            entries.append(msgspec.convert(entry, _DvcOutput))
        except msgspec.ValidationError:
            continue  # another kind of output, without a path or a hash of its own
    return entries


def _load(path: Path) -> dict[str, Any]:
    """Read a YAML file; one that is not there, or that DVC would refuse too, records nothing."""
    if not path.is_file() or path.stat().st_size > FILE_LIMIT:
        return {}
    import yaml

    try:
        document = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
