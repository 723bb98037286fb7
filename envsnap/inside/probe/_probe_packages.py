"""Lists the installed distributions, in the order in which imports find them, and the records of conda."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.inside.probe._probe_files import entries, read, read_bytes
    from envsnap.inside.probe._probe_interpreter import roots
    from envsnap.inside.probe._probe_record import content_digest
else:
    from _probe_files import entries, read, read_bytes
    from _probe_interpreter import roots
    from _probe_record import content_digest

DISTRIBUTION = re.compile(r"^(?P<name>.+?)-(?P<version>\d[^-]*|[^-]*\d[^-]*)(?:-.*)?\.(?:dist|egg)-info$")


def packages() -> list[dict[str, object]]:
    """List every distribution on the search path, in search order."""
    found = []
    for root in roots():
        for entry in entries(root):
            if entry.endswith(".dist-info"):
                found.append(wheel_distribution(root, entry))
            elif entry.endswith(".egg-info"):
                found.append(egg_distribution(root, entry))
            elif entry == "EGG-INFO" and root.endswith(".egg"):
                found.append(egg_distribution(root, entry, os.path.basename(root)))
    return found


def wheel_distribution(root: str, entry: str) -> dict[str, object]:
    """Describe one ``.dist-info`` folder."""
    folder = os.path.join(root, entry)
    metadata = read_bytes(os.path.join(folder, "METADATA"))
    wheel = _headers(read(os.path.join(folder, "WHEEL")))
    record = read(os.path.join(folder, "RECORD"))
    name, version = _identity(metadata.decode("utf-8", "replace"), entry)
    digest, files = content_digest(record)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "tags": wheel.get("tag", []),
        "build": "".join(wheel.get("build", [])),
        "metadata-sha256": hashlib.sha256(metadata).hexdigest() if metadata else "",
        "content-digest": digest,
        "files": files,
        "installer": read(os.path.join(folder, "INSTALLER")).strip(),
        "requested": os.path.exists(os.path.join(folder, "REQUESTED")),
        "direct-url": read(os.path.join(folder, "direct_url.json")),
        "problem": _problem(metadata, record, files),
    }


def _problem(metadata: bytes, record: str, files: int) -> str:
    if not metadata:
        return "its METADATA is missing or empty: the installation was interrupted"
    if not record.strip():
        return "it has no RECORD: which files belong to it is unknown"
    return "" if files else "its RECORD names no files: which files belong to it is unknown"


def egg_distribution(root: str, entry: str, egg: str = "") -> dict[str, object]:
    """Describe an ``.egg-info`` file or folder, as distutils, setuptools and Debian leave them, or an ``.egg``."""
    path = os.path.join(root, entry)
    text = read(os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path)
    name, version = _identity(text, re.sub(r"\.egg$", ".egg-info", egg) or entry)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "problem": "it was installed without a wheel (egg): which files belong to it is unknown",
    }


def _identity(metadata: str, entry: str) -> tuple[str, str]:
    headers = _headers(metadata.split("\n\n", 1)[0])
    match = DISTRIBUTION.match(entry)
    name = headers.get("name") or [match.group("name") if match else entry.rsplit(".", 1)[0]]
    version = headers.get("version") or [match.group("version") if match else ""]
    return name[0], version[0]


def _headers(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            values.setdefault(key.strip().lower(), []).append(value.strip())
    return values


def conda_packages() -> list[dict[str, object]]:
    """List the conda records of the prefix, with the dist-info folders that each owns."""
    folder = os.path.join(sys.prefix, "conda-meta")
    if not os.path.isdir(folder):
        return []
    names = [name for name in entries(folder) if name.endswith(".json")]
    return [_conda_record(os.path.join(folder, name)) for name in names]


def _conda_record(path: str) -> dict[str, object]:
    try:
        record = json.loads(read(path))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return {"name": os.path.basename(path), "problem": "its record in conda-meta is not JSON"}
    keys = ("name", "version", "build", "channel", "subdir", "url", "sha256", "md5", "size")
    kept = {key: record[key] for key in keys if record.get(key) is not None}
    kept["owns"] = sorted({part for part in map(_dist_info, record.get("files") or []) if part})
    return kept


def _dist_info(path: str) -> str:
    match = re.search(r"([^/]+\.(?:dist|egg)-info)(?:/|$)", path)
    return match.group(1) if match else ""
