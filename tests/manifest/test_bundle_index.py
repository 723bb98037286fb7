"""The index of a bundle is read as the untrusted thing that it is; the same files give the same bytes."""

import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.bundle_index import BundleEntry, BundleIndex, ReplacedWheel, dump_index, parse_index

A, B, C = "a" * 64, "b" * 64, "c" * 64
LOCK = BundleEntry(kind="lock", name="envsnap.lock", sha256=A, size=1)
WHEEL = BundleEntry(kind="wheel", name="demo-1.0-py3-none-any.whl", sha256=B, size=2)
INDEX = BundleIndex(
    created_by="envsnap 1",
    lock=C,
    entries=(LOCK, WHEEL, BundleEntry(kind="baseline", name="inputs/x é.txt", sha256=A, size=3)),
    original_lock=B,
    replaced=(ReplacedWheel(package="demo", reason="gone", wheel="demo-1.0-py3-none-any.whl", sha256=A),),
    commit="1" * 40,
    project="deep/project",
)


def test_index_survives_its_file() -> None:
    """Nothing is lost, and equal indexes give equal text."""
    text = dump_index(INDEX)

    assert INDEX == parse_index(text, source="bundle.toml")
    assert text == dump_index(parse_index(text, source="bundle.toml"))


def test_each_file_has_its_place() -> None:
    """The lock and the baseline under their names, all else under its digest; equal files lie in one place."""
    assert [
        "envsnap.lock", f"blobs/sha256/{B}", "envsnap.baseline/inputs/x é.txt"
    ] == [entry.place for entry in INDEX.entries]  # fmt: skip
    assert WHEEL == INDEX.wheel(B)
    assert INDEX.wheel(A) is None
    twice = BundleIndex(
        created_by="", lock=C, entries=(LOCK, WHEEL, BundleEntry(kind="conda", name="x", sha256=B, size=2))
    )
    assert 3 == twice.size


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x é.txt", "../../x", "Expected `str` matching"),
        ("inputs/x é.txt", "/etc/x", "Expected `str` matching"),
        ("inputs/x é.txt", "inputs//x", "Expected `str` matching"),
        ("inputs/x é.txt", "inputs/./x", "Expected `str` matching"),
        ("deep/project", "deep/..", "Expected `str` matching"),
        ("size = 2", "size = -2", "Expected `int` >= 0"),
        (f'"{B}"', '"../../x"', "Expected `str` matching"),
        ('kind = "wheel"', 'kind = "virus"', "Invalid enum value"),
        ('kind = "wheel"', 'kind = "lock"', "exactly one lock"),
        ('schema-version = "1.0"', 'schema-version = "2.0"', "schema-version '2.0' is not known"),
        ("created-by", "made-by", "unknown key 'made-by'"),
        ("[[entries]]", "[[entries", "not valid TOML"),
    ],
)
def test_index_that_is_not_valid_is_refused(old: str, new: str, message: str) -> None:
    """The message starts with the file's name."""
    text = dump_index(INDEX)
    assert old in text

    with pytest.raises(InvalidFileError, match=f"^bundle.toml: .*{message}"):
        parse_index(text.replace(old, new), source="bundle.toml")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (WHEEL, "wheel demo-1.0-py3-none-any.whl is listed twice"),
        (BundleEntry(kind="conda", name="x", sha256=B, size=3), f"blobs/sha256/{B} is listed with two sizes"),
    ],
)
def test_files_that_contradict_each_other_are_refused(extra: BundleEntry, message: str) -> None:
    """One name, or one digest, for two files."""
    index = BundleIndex(created_by="", lock=C, entries=(LOCK, WHEEL, extra))

    with pytest.raises(InvalidFileError, match=message):
        parse_index(dump_index(index), source="bundle.toml")
