"""envsnap.lock in and out: TOML, sorted, same contents -> same bytes, and the digest that pins them."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from envsnap.errors import CaptureError, InvalidFileError
from envsnap.manifest.manifest import SCHEMA_VERSION, Contents, Manifest, Snapshot
from envsnap.manifest.model import OpenModel, convert, convert_known
from envsnap.manifest.other_keys import gather, restore, restore_in
from envsnap.manifest.package import Package
from envsnap.manifest.toml import Plain, parse_toml

HEADER = "# Written by envsnap freeze. Commit it, review it, do not edit it.\n"
TOML_TIMES = (dt.datetime, dt.date, dt.time)
"""What TOML has and JSON has not: an unknown key of a package may hold one."""
SCHEMA = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")


def seal(contents: Contents, *, created_by: str, created_at: str) -> Manifest:
    """Put contents under a snapshot that carries their digest.

    Args:
        contents: what was captured.
        created_by: name and version of the program.
        created_at: time in UTC.

    Raises:
        CaptureError: ``parse_manifest`` would refuse these contents: a lock that cannot be read is never written.
    """
    table = plain(contents)
    try:
        digest = contents_digest(table)
        _check_packages(convert(gather(table), Contents, source="contents").packages, "contents")
    except InvalidFileError as error:
        raise CaptureError(f"what was captured cannot be locked: {error}") from error
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 40) : error.end]
        raise CaptureError(f"what was captured cannot be locked: not valid Unicode at {near!r}") from error
    return Manifest(snapshot=Snapshot(created_by=created_by, created_at=created_at, digest=digest), contents=contents)


def dump_manifest(manifest: Manifest) -> str:
    """Write a manifest as TOML. Equal manifests give equal text."""
    import tomli_w

    head: Plain = {"schema-version": manifest.schema_version, "snapshot": plain(manifest.snapshot)}
    return HEADER + tomli_w.dumps(head | plain(manifest.contents), multiline_strings=False)


def parse_manifest(text: str, *, source: str) -> tuple[Manifest, tuple[str, ...]]:
    """Read a manifest, which is untrusted; return it with warnings.

    Raises:
        InvalidFileError: not TOML, an unknown major schema, an unknown key, a wrong type, a package that is listed
            twice or cannot be installed, or contents that do not match their digest; the message starts with
            ``source``.
    """
    document = parse_toml(text, source=source)
    schema = document.pop("schema-version", None)
    warnings = _check_schema(schema, source)
    parse = convert_known if warnings else convert
    snapshot = parse(document.pop("snapshot", {}), Snapshot, source=f"{source} [snapshot]")
    if contents_digest(document) != snapshot.digest:
        raise InvalidFileError(
            f"{source}: the contents do not match [snapshot].digest: the file was edited or damaged. "
            "Restore it from version control, or write it anew with 'envsnap freeze'"
        )
    contents = parse(gather(document), Contents, source=source)
    _check_packages(contents.packages, source)
    return Manifest(snapshot=snapshot, contents=contents, schema_version=str(schema)), warnings


def contents_digest(document: Mapping[str, object]) -> str:
    """SHA-256 of the contents as canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """Turn a struct into the tables that TOML can hold: kebab-case, sorted by the user's keys, None left out."""
    table = _without_none(msgspec.to_builtins(value, order="deterministic", builtin_types=TOML_TIMES))
    assert isinstance(table, dict)  # noqa: S101 - a struct always becomes a table
    match value:
        case Contents():
            restore(value.packages, table["packages"])
        case OpenModel():
            restore_in(value, table)
    return table


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _check_schema(version: object, source: str) -> tuple[str, ...]:
    found = SCHEMA.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        raise InvalidFileError(f"{source}: schema-version is missing or not like '{SCHEMA_VERSION}'")
    major, minor = map(int, found.groups())
    known_major, known_minor = map(int, SCHEMA_VERSION.split("."))
    if major != known_major:
        raise InvalidFileError(
            f"{source}: schema-version {version} is not known to this envsnap ({SCHEMA_VERSION}); "
            "use the envsnap that wrote it, or freeze anew"
        )
    if minor > known_minor:
        return (f"{source}: written for schema {version}, newer than {SCHEMA_VERSION}; new keys are ignored",)
    return ()


def _check_packages(packages: Iterable[Package], source: str) -> None:
    seen: set[str] = set()
    for package in packages:
        where = f"{source}: package {package.name}"
        if package.name in seen:
            raise InvalidFileError(f"{where} is listed twice")
        seen.add(package.name)
        if not package.installed_version:
            raise InvalidFileError(f"{where} has no version")
        if package.installed.evidence == "direct-url" and (package.wheel is None or package.wheel.url is None):
            raise InvalidFileError(f"{where} was installed from a URL and its wheel names none")
