"""A package's entry may hold keys that envsnap does not know; nothing else in a lock may."""

from collections.abc import Callable

import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.lockfile import HEADER, dump_manifest, parse_manifest, plain
from envsnap.manifest.toml import Plain, parse_toml

WriteLock = Callable[..., str]
OTHER = """
marker = "sys_platform == 'linux'"
requires-python = ">=3.11"
other-keys = "a key of this name is one more"
dependencies = [{name = "six"}]
attestation-identities = [{kind = "GitHub", repository = "a/b"}]
variants-json = {upload-time = 2026-01-02T03:04:05Z, url = "https://index.example/v.json"}
when = [2026-01-02, 03:04:05, 1.5, true]

[tool.other]
deep = {er = [[1], [2]]}
"""


def first_package(document: Plain) -> Plain:
    packages = document["packages"]
    assert isinstance(packages, list)
    entry: Plain = packages[0]
    return entry


def test_unknown_keys_of_a_package_are_written_back_byte_for_byte(document: Plain, write_lock: WriteLock) -> None:
    """In the entry, in its wheel, in its checkout and in the wheel that rebuilds it; envsnap writes them sorted."""
    packages = document["packages"]
    assert isinstance(packages, list)
    for table in (packages[0], packages[0]["wheels"][0], packages[1]["vcs"], packages[1]["installed"]["wheel"]):
        table |= dict(sorted(parse_toml(OTHER, source="test").items()))

    text = write_lock(document)
    manifest, warnings = parse_manifest(text, source="envsnap.lock")

    assert () == warnings
    assert text == dump_manifest(manifest).removeprefix(HEADER)
    assert document == plain(manifest.contents)


def test_they_are_kept_of_a_newer_schema_too(document: Plain, write_lock: WriteLock) -> None:
    """There the unknown keys of other tables are left out."""
    first_package(document)["marker"] = "a"
    document["unheard-of"] = 1

    manifest, _ = parse_manifest(write_lock(document, schema="1.999"), source="envsnap.lock")

    assert {"marker": "a"} == manifest.contents.packages[0].other_keys


@pytest.mark.parametrize("place", ["top", "installed", "hashes"])
def test_unknown_keys_elsewhere_are_errors(document: Plain, write_lock: WriteLock, place: str) -> None:
    """They are envsnap's own tables: an unknown key is a mistake."""
    entry = first_package(document)
    wheels = entry["wheels"]
    assert isinstance(wheels, list)
    tables = {"top": document, "installed": entry["installed"], "hashes": wheels[0]["hashes"]}
    table = tables[place]
    assert isinstance(table, dict)
    table["evidense"] = "none"

    with pytest.raises(InvalidFileError, match=r"evidense|hashes"):
        parse_manifest(write_lock(document), source="envsnap.lock")


@pytest.mark.parametrize("packages", [1, [1], [{"wheels": 1}], [{"wheels": [1]}], [{"installed": []}]])
def test_what_is_no_table_is_refused_as_ever(document: Plain, write_lock: WriteLock, packages: object) -> None:
    """The file is untrusted."""
    document["packages"] = packages

    with pytest.raises(InvalidFileError, match=r"envsnap\.lock: "):
        parse_manifest(write_lock(document), source="envsnap.lock")


def test_the_digest_covers_them(document: Plain, write_lock: WriteLock) -> None:
    """A key that was added or changed after the freeze is an edit like any other."""
    first_package(document)["marker"] = "a"
    text = write_lock(document)

    with pytest.raises(InvalidFileError, match="do not match"):
        parse_manifest(text.replace('marker = "a"', 'marker = "b"'), source="envsnap.lock")
