"""envsnap.lock in and out: TOML, sorted, same contents -> same bytes, and the digest that pins them."""

import hashlib
import json
import tomllib
from collections.abc import Mapping

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.manifest import SCHEMA_VERSION, Contents, Manifest, Snapshot
from envsnap.manifest.model import convert, convert_known

HEADER = "# Written by envsnap freeze. Commit it, review it, do not edit it.\n"
Plain = dict[str, object]


def seal(contents: Contents, *, created_by: str, created_at: str) -> Manifest:
    """Put contents under a snapshot that carries their digest."""
    digest = contents_digest(plain(contents))
    return Manifest(snapshot=Snapshot(created_by=created_by, created_at=created_at, digest=digest), contents=contents)


def dump_manifest(manifest: Manifest) -> str:
    """Write a manifest as TOML. Equal manifests give equal text."""
    import tomli_w

    head: Plain = {"schema-version": manifest.schema_version, "snapshot": plain(manifest.snapshot)}
    return HEADER + tomli_w.dumps(head | plain(manifest.contents), multiline_strings=False)


def parse_manifest(text: str, *, source: str) -> tuple[Manifest, tuple[str, ...]]:
    """Read a manifest, which is untrusted; return it with warnings.

    Raises:
        InvalidFileError: not TOML, an unknown major schema, an unknown key, a wrong type, or contents that do
            not match their digest; the message starts with ``source``.
    """
    document = _parse_toml(text, source)
    warnings = _check_schema(document.pop("schema-version", None), source)
    snapshot = convert(document.pop("snapshot", None), Snapshot, source=source)
    if contents_digest(document) != snapshot.digest:
        raise InvalidFileError(
            f"{source}: the contents do not match [snapshot].digest: the file was edited or damaged. "
            "Restore it from version control, or write it anew with 'envsnap freeze'"
        )
    parse = convert_known if warnings else convert
    return Manifest(snapshot=snapshot, contents=parse(document, Contents, source=source)), warnings


def contents_digest(document: Mapping[str, object]) -> str:
    """SHA-256 of the contents as canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def plain(value: msgspec.Struct) -> Plain:
    """Turn a struct into the tables that TOML can hold: keys in kebab-case, what is None left out."""
    table = _without_none(msgspec.to_builtins(value))
    assert isinstance(table, dict)  # noqa: S101 - a struct always becomes a table
    return table


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def _parse_toml(text: str, source: str) -> Plain:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidFileError(f"{source}: not valid TOML: {error}") from error


def _check_schema(version: object, source: str) -> tuple[str, ...]:
    known = SCHEMA_VERSION.split(".")
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != len(known) or not all(part.isdigit() for part in parts):
        raise InvalidFileError(f"{source}: schema-version is missing or not like '{SCHEMA_VERSION}'")
    if parts[0] != known[0]:
        raise InvalidFileError(
            f"{source}: schema-version {version} is not known to this envsnap ({SCHEMA_VERSION}); "
            "use the envsnap that wrote it, or freeze anew"
        )
    if int(parts[1]) > int(known[1]):
        return (f"{source}: written for schema {version}, newer than {SCHEMA_VERSION}; new keys are ignored",)
    return ()
