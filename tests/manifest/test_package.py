from typing import Any

import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.model import Sha256, convert
from envsnap.manifest.package import (
    Artefact,
    FileName,
    HexDigest,
    InstalledRecord,
    Name,
    Package,
    Url,
    Version,
    WheelPath,
    normalise_name,
)

SHA = "ab" * 32
RECORD = InstalledRecord(tags=(), evidence="none", content_digest="c0", location="")
WHEEL = Artefact(name="a-1-py3-none-any.whl", hashes={"sha256": SHA})


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        (Name, "zope-interface"),
        (Version, "1!2.0.post1+cu121"),
        (FileName, "a-1-py3-none-any.whl"),
        (Url, "https://index.example/a/a-1%2Bcu121-py3-none-any.whl"),
        (HexDigest, SHA),
        (Sha256, SHA),
        (WheelPath, ".envsnap/wheels/a-1-py3-none-any.whl"),
    ],
)
@pytest.mark.parametrize(
    "ending", ["\n", "\r", "\t", " ", "\x00", "\x7f", "\nRUN x", " --index-url x", "'", '"', "$x", "`"]
)
def test_nothing_but_the_pattern_is_let_through(kind: Any, good: str, ending: str) -> None:
    """These reach files that tools execute; in a regular expression ``$`` alone would allow a newline at the end."""
    assert good == convert(good, kind, source="f")
    with pytest.raises(InvalidFileError, match="matching regex"):
        convert(good + ending, kind, source="f")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Name, "Zope.Interface"),
        (Name, "-r"),
        (Version, "-1"),
        (Version, ""),
        (FileName, "../a.whl"),
        (FileName, ".."),
        (Url, "file:///a.whl"),
        (Url, "https://index.example/a.whl#sha256=0"),
        (Url, "https://index.example/a.whl;x"),
        (HexDigest, "ab" * 16),
        (HexDigest, SHA.upper()),
        (WheelPath, ".envsnap/wheels/../../a.whl"),
        (WheelPath, "/a.whl"),
    ],
)
def test_text_of_another_shape_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(InvalidFileError):
        convert(text, kind, source="f")


@pytest.mark.parametrize("hashes", [{}, {"md5": SHA}, {"sha256\n": SHA}, {"sha256 --x": SHA}, {"sha256": "abc"}])
def test_artefact_without_a_hash_that_proves_it_is_refused(hashes: dict[str, str]) -> None:
    """The algorithm's name is written into a requirements file as well as the digest."""
    with pytest.raises(InvalidFileError, match="hashes"):
        convert({"name": "a.whl", "hashes": hashes}, Artefact, source="f")


def test_wheel_of_an_index_comes_first() -> None:
    """A source tree keeps its wheel beside it, as PEP 751 forbids it in the entry."""
    other = Artefact(name="b.whl", hashes={"sha256": SHA})
    tree = InstalledRecord(tags=(), evidence="repacked", content_digest="c0", location="", version="3", wheel=other)

    assert WHEEL == Package(name="a", version="1", wheels=(WHEEL,), installed=RECORD).wheel
    assert other == Package(name="a", installed=tree).wheel
    assert Package(name="a", version="1", installed=RECORD).wheel is None


def test_version_of_a_source_tree_stands_in_its_record() -> None:
    tree = InstalledRecord(tags=(), evidence="repacked", content_digest="c0", location="", version="3")

    assert ("1", "3", "") == tuple(
        package.installed_version
        for package in (
            Package(name="a", version="1", installed=RECORD),
            Package(name="a", installed=tree),
            Package(name="a", installed=RECORD),
        )
    )


def test_rebuilt_digest_is_expected_where_it_differs() -> None:
    """An editable installation is rebuilt from a wheel, whose files are not the folder's."""
    rebuilt = InstalledRecord(tags=(), evidence="repacked", content_digest="c0", location="", rebuilt_digest="c1")

    assert "c0" == Package(name="a", version="1", installed=RECORD).expected_digest
    assert "c1" == Package(name="a", version="1", installed=rebuilt).expected_digest


@pytest.mark.parametrize("name", ["Zope.Interface", "zope_interface", "zope--interface", "ZOPE-._interface"])
def test_spellings_of_one_project_are_one_name(name: str) -> None:
    assert "zope-interface" == normalise_name(name)
