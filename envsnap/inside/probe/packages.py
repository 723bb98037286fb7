"""Lists the installed distributions, in the order in which imports find them."""

from __future__ import annotations

import os
import re
import sys

from .files import METADATA_LIMIT, entries, fetch, listing, read, sha256
from .interpreter import roots
from .present import has_modules, note_doubles
from .record import content_rows, digest_of_rows

DISTRIBUTION = re.compile(r"^(?P<name>.+?)-(?P<version>\d[^-]*|[^-]*\d[^-]*)(?:-.*)?\.(?:dist|egg)-info$")
SYSTEM_FOLDERS = ("/usr/lib/", "/usr/lib64/")
INTERRUPTED = "the installation or removal was interrupted"


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
    found += archived_distributions()
    note_doubles(found)
    note_owners(found)
    return found


def wheel_distribution(root: str, entry: str) -> dict[str, object]:
    """Describe one ``.dist-info`` folder."""
    folder = os.path.join(root, entry)
    names, unlisted = listing(folder)
    metadata, text, doubts = _text(folder, "METADATA", names)
    record, more = _text(folder, "RECORD", names)[1:]
    name, version = _identity(text, entry)
    rows = content_rows(record)
    digest, files = digest_of_rows(rows)
    problem, partial = _problem(text, record, files)
    if not problem and not has_modules(root, rows, record):
        problem, partial = "none of the modules that its RECORD names is there: " + INTERRUPTED, True
    tags, build = _wheel_facts(folder, names)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "tags": tags,
        "build": build,
        "metadata-sha256": sha256(metadata) if metadata else "",
        "content-digest": digest,
        "installer": _note(folder, "INSTALLER", names).strip(),
        "requested": "REQUESTED" in names,
        "direct-url": _note(folder, "direct_url.json", names),
        "provenance-url": _note(folder, "provenance_url.json", names),
        "sboms": _sboms(os.path.join(folder, "sboms")) if "sboms" in names else [],
        "problem": problem,
        "partial": partial and not unlisted,
        "unreadable": ["the folder cannot be read: " + unlisted] if unlisted else doubts + more,
    }


def _text(folder: str, name: str, names: list[str]) -> tuple[bytes, str, list[str]]:
    """Return a file's bytes, its text, and what is wrong with it where it is there and not what it should be."""
    if name not in names:
        return b"", "", []
    data, reason = fetch(os.path.join(folder, name), None if name == "RECORD" else METADATA_LIMIT)
    if reason:
        return b"", "", [name + " cannot be read: " + reason]
    try:
        return data, data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        byte = "byte 0x%02x at %d" % (data[error.start], error.start)
        return data, data.decode("utf-8", "replace"), [name + " is not UTF-8: " + byte]


def _note(folder: str, name: str, names: list[str]) -> str:
    return read(os.path.join(folder, name)) if name in names else ""


def _wheel_facts(folder: str, names: list[str]) -> tuple[list[str], str]:
    """Return the ``Tag`` lines and the ``Build`` line of WHEEL."""
    tags, build = [], ""
    for line in _note(folder, "WHEEL", names).splitlines():
        key, _, value = line.partition(":")
        if key.lower() == "tag":
            tags.append(value.strip())
        elif key.lower() == "build":
            build = value.strip()
    return tags, build


def _sboms(folder: str) -> list[dict[str, str]]:
    """Name and hash the bills of materials (PEP 770) that the wheel brought."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            data, reason = fetch(path, None)
            if not reason:
                digest = sha256(data)
                found.append({"name": os.path.relpath(path, folder), "sha256": digest})
    return sorted(found, key=lambda sbom: sbom["name"])


def _problem(metadata: str, record: str, files: int) -> tuple[str, bool]:
    """Say why the files of a distribution cannot be told, and whether that is how an interruption leaves one."""
    if not metadata:
        return "its METADATA is missing or empty: " + INTERRUPTED, True
    if not record.strip():
        return "it has no RECORD: which files belong to it is unknown", True
    return ("", False) if files else ("its RECORD names no files: which files belong to it is unknown", False)


def egg_distribution(root: str, entry: str, egg: str = "") -> dict[str, object]:
    """Describe an ``.egg-info`` file or folder, as distutils, setuptools and Debian leave them, or an ``.egg``."""
    path = os.path.join(root, entry)
    folder, name = (path, "PKG-INFO") if os.path.isdir(path) else (root, entry)
    _, text, doubts = _text(folder, name, entries(folder))
    name, version = _identity(text, egg[: -len(".egg")] + ".egg-info" if egg else entry)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "problem": "it was installed without a wheel (egg): which files belong to it is unknown",
        "unreadable": doubts,
    }


def note_owners(found: list[dict[str, object]]) -> None:
    """Write ``owner`` and ``owner-package`` into what the system's package manager installed.

    It is asked once, and only where there are packages in its own folders: a process costs more than all the rest.
    """
    doubtful = {_metadata_file(item): item for item in found if str(item["root"]).startswith(SYSTEM_FOLDERS)}
    if not doubtful:
        return
    from .owners import owners  # with subprocess, which most environments do not need

    for path, owner in owners(doubtful)[0].items():
        doubtful[path].update({"owner": owner.manager, "owner-package": owner.name})


def _metadata_file(item: dict[str, object]) -> str:
    path = os.path.join(str(item["root"]), str(item["folder"]))
    name = "METADATA" if path.endswith(".dist-info") else "PKG-INFO"
    return os.path.join(path, name) if os.path.isdir(path) else path


def archived_distributions() -> list[dict[str, object]]:
    """Describe the distributions in zipped eggs and wheels on the search path; there is seldom one."""
    archives = [
        entry for entry in sys.path if entry.endswith((".egg", ".whl", ".zip", ".pyz")) and os.path.isfile(entry)
    ]
    if not archives:
        return []
    from importlib.metadata import distributions

    problem = "it is imported from an archive: which files belong to it is unknown"
    return [
        {
            "name": found.metadata["Name"] or "",
            "version": found.metadata["Version"] or "",
            "root": os.path.abspath(archive),
            "folder": os.path.basename(archive),
            "problem": problem,
        }
        for archive in archives
        for found in distributions(path=[archive])
    ]


def _identity(metadata: str, entry: str) -> tuple[str, str]:
    """Return name and version as the headers tell, or else the folder's name."""
    name = version = ""
    for line in metadata.partition("\n\n")[0].splitlines():
        key, colon, value = line.partition(":")
        if not line or (name and version):
            break
        if colon and key.lower() == "name":
            name = name or value.strip()
        elif colon and key.lower() == "version":
            version = version or value.strip()
    if name and version:
        return name, version
    match = DISTRIBUTION.match(entry)
    return (
        name or (match.group("name") if match else entry.rsplit(".", 1)[0]),
        version or (match.group("version") if match else ""),
    )
