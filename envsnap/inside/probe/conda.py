"""Reads the records of conda: what it installed, and which of its Python packages are not as it installed them."""

from __future__ import annotations

import json
import os
import sys

from .files import fetch, listing, read_bytes, sha256

KEYS = ("name", "version", "build", "channel", "subdir", "url", "sha256", "md5", "size")
ENDINGS = (".dist-info", ".egg-info")


def conda_packages() -> list[dict[str, object]]:
    """List the conda records of the prefix, with the dist-info folders that each owns."""
    folder = os.path.join(sys.prefix, "conda-meta")
    if not os.path.lexists(folder):
        return []
    names, problem = listing(folder)
    if problem:
        return [{"name": "conda-meta", "problem": "its folder cannot be read: " + problem}]
    return [_conda_record(folder, name) for name in names if name.endswith(".json")]


def _conda_record(folder: str, name: str) -> dict[str, object]:
    data, problem = fetch(os.path.join(folder, name), None)
    if problem:
        return {"name": name, "problem": "its record in conda-meta cannot be read: " + problem}
    try:
        record = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return {"name": name, "problem": "its record in conda-meta is not JSON"}
    return _described(record, name)


def _described(record: dict[str, object], name: str) -> dict[str, object]:
    kept = {key: record[key] for key in KEYS if record.get(key) is not None}
    kept.setdefault("name", name)
    depends = record.get("depends")
    names = [item for item in depends if isinstance(item, str)] if isinstance(depends, list) else []
    if names:
        kept["depends"] = names
    folders = _info_folders(record.get("files"))
    hashes = _recorded_hashes(record.get("paths_data"), folders)
    kept["owns"] = sorted({os.path.basename(path) for path in folders})
    gone = {path for path in folders if _is_gone(path, path in hashes)}
    changed = {path for path, digest in hashes.items() if path not in gone and _differs(path, digest)}
    kept["gone"] = sorted(map(os.path.basename, gone))
    kept["changed"] = sorted(map(os.path.basename, changed))
    return kept


def _info_folders(files: object) -> set[str]:
    """Return the ``.dist-info`` and ``.egg-info`` among the files of a record, relative to the prefix."""
    found: set[str] = set()
    for path in files if isinstance(files, list) else []:
        if isinstance(path, str) and (".dist-info" in path or ".egg-info" in path):
            parts = path.split("/")
            ends = [index for index, part in enumerate(parts) if part.endswith(ENDINGS)]
            found.update("/".join(parts[: index + 1]) for index in ends[:1])
    return found


def _recorded_hashes(paths_data: object, folders: set[str]) -> dict[str, str]:
    """Return the SHA-256 of each folder's RECORD as conda installed it: whoever installs anew writes another one."""
    paths = paths_data.get("paths") if isinstance(paths_data, dict) else None
    found = {}
    for entry in paths if isinstance(paths, list) else []:
        path = entry.get("_path") if isinstance(entry, dict) else None
        if isinstance(path, str) and path.endswith(".dist-info/RECORD"):
            digest = entry.get("sha256_in_prefix") or entry.get("sha256")
            folder = path[: -len("/RECORD")]
            if folder in folders and isinstance(digest, str):
                found[folder] = digest
    return found


def _is_gone(folder: str, has_record: bool) -> bool:
    """Whether a distribution is not there any more; who removes one may leave files that RECORD did not name."""
    return not os.path.exists(os.path.join(_in_prefix(folder), "RECORD") if has_record else _in_prefix(folder))


def _differs(folder: str, digest: str) -> bool:
    data = read_bytes(os.path.join(_in_prefix(folder), "RECORD"), None)
    return sha256(data) != digest


def _in_prefix(path: str) -> str:
    return os.path.join(sys.prefix, path)
