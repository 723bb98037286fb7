"""Which files the RECORDs and conda's records say are installed, and with what contents."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import site
import sys
from typing import NamedTuple

from .files import entries, is_inside, read_bytes
from .interpreter import roots
from .record import INSTALLER_FILES

LARGEST_RECORD = 256 * 1024 * 1024
DPKG_INFO = "/var/lib/dpkg/info"
DEBIAN_ROOT = "/usr/lib/python3/dist-packages"
SCHEME = re.compile(r"^(.*)/lib(?:32|64)?/python[^/]*/(?:site|dist)-packages$")


class RecordOwner(NamedTuple):
    """What a file belongs to: a distribution's folder in an import root, or a conda record in conda-meta."""

    root: str
    folder: str


class RecordedFile(NamedTuple):
    """One file as an owner's record has it; ``size`` is -1 and ``algorithm`` "" where the record does not say."""

    owner: RecordOwner
    path: str
    place: str
    algorithm: str = ""
    digest: bytes = b""
    size: int = -1


class Records(NamedTuple):
    """What the records say: the files to check, those outside, every file that is known, owners without a record."""

    expected: list[RecordedFile]
    outside: list[RecordedFile]
    known: list[RecordedFile]
    unrecorded: list[RecordOwner]


def recorded() -> Records:
    """Read every record of the environment; what cannot be read as a record is an owner without one.

    Where conda or dpkg owns a distribution, that manager's own record counts: RECORD has the files as they were built.
    """
    managed = [entry for path in conda_records() for entry in conda_entries(path)] + dpkg_entries()
    places = {entry.place for entry in managed}
    inside = allowed_folders()
    found = Records([], [], [], [])
    for owner in distributions():
        rows = record_entries(owner)
        is_managed = not places.isdisjoint(_identities(owner))
        if rows is None:
            found.unrecorded.extend([] if is_managed else [owner])
            continue
        near = [row for row in rows if is_inside(row.place, inside)]
        found.outside.extend(row for row in rows if not is_inside(row.place, inside))
        found.known.extend(near)
        found.expected.extend(row for row in near if counts(row) and not is_managed)
    taken = {row.place for row in found.expected}
    found.known.extend(managed)
    found.expected.extend(row for row in managed if row.place not in taken and counts(row))
    return found


def _identities(owner: RecordOwner) -> list[str]:
    """Return the files that tell a distribution's name: in a dist-info, an egg-info, or an egg-info that is a file."""
    path = os.path.join(owner.root, owner.folder)
    return [os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO"), path]


def counts(row: RecordedFile) -> bool:
    """Whether a row names contents: compiled files come and go, and an installer's notes are its own."""
    folder, _, name = row.path.rpartition("/")
    notes = folder.endswith(".dist-info") and name in INSTALLER_FILES
    return bool(name) and not notes and not name.endswith((".pyc", ".pyo"))


def distributions() -> list[RecordOwner]:
    """List every installed distribution, with and without a RECORD."""
    return [
        RecordOwner(root, entry)
        for root in roots()
        for entry in entries(root)
        if entry.endswith((".dist-info", ".egg-info"))
    ]


def record_entries(owner: RecordOwner) -> list[RecordedFile] | None:
    """Read one RECORD: https://packaging.python.org/en/latest/specifications/recording-installed-packages/."""
    text = record_text(os.path.join(owner.root, owner.folder, "RECORD"))
    if not text.strip():
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return None
    return [_entry(owner, row) for row in rows if row and row[0] and "\0" not in row[0]]


def record_text(path: str) -> str:
    """Return a record's text; nothing where it is no plain file or cannot be read. Any bytes of a name survive."""
    return read_bytes(path, LARGEST_RECORD).decode("utf-8", "surrogateescape")


def _entry(owner: RecordOwner, row: list[str]) -> RecordedFile:
    path = row[0]
    algorithm, _, text = (row[1] if len(row) > 1 else "").partition("=")
    size = int(row[2]) if len(row) > 2 and re.match(r"^[0-9]{1,18}\Z", row[2]) else -1  # noqa: PLR2004 - the column
    place = os.path.normpath(os.path.join(owner.root, path))
    return RecordedFile(owner, path, place, algorithm, _digest(text), size)


def _digest(text: str) -> bytes:
    """Read RECORD's URL-safe base64 without its padding; what is none equals no file's digest."""
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode((bare + "=" * (-len(bare) % 4)).encode("ascii"))
    except ValueError:
        return b""


def allowed_folders() -> list[str]:
    """List the folders that a RECORD may name files in: the environment's, its base's, the user's, each root's own."""
    folders = [sys.prefix, sys.base_prefix, *roots()]
    folders += [match.group(1) for match in map(SCHEME.match, roots()) if match and match.group(1)]
    if site.ENABLE_USER_SITE:
        folders.append(site.getuserbase())
    return sorted({spelling for folder in folders for spelling in (os.path.normpath(folder), os.path.realpath(folder))})


def conda_records() -> list[str]:
    """List the records of conda's packages in this environment."""
    folder = os.path.join(sys.prefix, "conda-meta")
    return [os.path.join(folder, name) for name in entries(folder) if name.endswith(".json")]


def conda_entries(path: str) -> list[RecordedFile]:
    """Read one record's ``paths_data``; a record that is not sound names no file, as the probe itself reports."""
    try:
        record = json.loads(record_text(path))
        paths = record["paths_data"]["paths"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return []
    owner = RecordOwner(os.path.dirname(path), os.path.basename(path))
    found = (_conda_entry(owner, item) for item in (paths if isinstance(paths, list) else []))
    return [entry for entry in found if entry is not None]


def _conda_entry(owner: RecordOwner, item: object) -> RecordedFile | None:
    if not isinstance(item, dict) or item.get("path_type") == "directory":
        return None
    path, size = item.get("_path"), item.get("size_in_bytes")
    if not isinstance(path, str) or "\0" in path:
        return None
    place = os.path.normpath(os.path.join(sys.prefix, path))
    if not is_inside(place, [os.path.normpath(sys.prefix)]):
        return None
    digest = item.get("sha256_in_prefix") or item.get("sha256")
    if item.get("path_type") == "softlink" or not _is_sha256(digest):
        return RecordedFile(owner, path, place)
    is_rewritten = bool(item.get("sha256_in_prefix") or item.get("prefix_placeholder"))
    known = size if isinstance(size, int) and not is_rewritten else -1
    return RecordedFile(owner, path, place, "sha256", bytes.fromhex(str(digest)), known)


def _is_sha256(digest: object) -> bool:
    return isinstance(digest, str) and re.match(r"^[0-9a-fA-F]{64}\Z", digest) is not None


def dpkg_entries() -> list[RecordedFile]:
    """Read dpkg's digests of the files in Debian's own import root; nothing where Python does not search that."""
    if DEBIAN_ROOT not in roots():
        return []
    names = [name for name in entries(DPKG_INFO) if name.endswith(".md5sums")]
    return [entry for name in names for entry in _dpkg_entries(RecordOwner(DPKG_INFO, name))]


def _dpkg_entries(owner: RecordOwner) -> list[RecordedFile]:
    text = record_text(os.path.join(owner.root, owner.folder))
    rows = (line.split("  ", 1) for line in text.splitlines() if DEBIAN_ROOT[1:] in line)
    return [
        RecordedFile(owner, "/" + row[1], os.path.normpath("/" + row[1]), "md5", bytes.fromhex(row[0]))
        for row in rows
        if len(row) == 2 and re.match(r"^[0-9a-f]{32}\Z", row[0])  # noqa: PLR2004 - digest and path
    ]
