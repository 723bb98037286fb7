"""A memo gives back what was proven for exactly this distribution, and nothing else."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from installed_package import change_installed, make_installed

from envsnap.lock.memo import Memo
from envsnap.manifest.package import Artefact, Directory, Evidence, InstalledRecord, Package

DEMO = make_installed(location="l", content_digest="d")


def entry(evidence: Evidence = "index-verified", wheel: Artefact | None = None, **fields: Any) -> Package:
    """Return a locked package."""
    record = InstalledRecord(tags=(), evidence=evidence, content_digest="d", location="l")
    wheels = (wheel,) if wheel else ()
    return Package(name="demo", version="1.0", installed=record, wheels=wheels, **fields)


def kept(folder: Path, contents: bytes) -> Artefact:
    """Keep a wheel of these contents, all under one name."""
    (folder / "demo-1.0-py3-none-any.whl").write_bytes(contents)
    return Artefact(
        name="demo-1.0-py3-none-any.whl",
        path=".envsnap/wheels/demo-1.0-py3-none-any.whl",
        hashes={"sha256": hashlib.sha256(contents).hexdigest()},
        size=len(contents),
    )


def test_what_was_proven_is_found_by_the_next_freeze(tmp_path: Path) -> None:
    """The same distribution gives the same entry, wherever it lies on this machine."""
    Memo(tmp_path / "memo.json", tmp_path).remember([(DEMO, entry())])

    moved = msgspec.structs.replace(DEMO, root="/elsewhere")

    assert entry() == Memo(tmp_path / "memo.json", tmp_path).find(moved)


@pytest.mark.parametrize(
    "change",
    [
        {"content_digest": "other"}, {"version": "1.1"}, {"build": "1"}, {"tags": ("py3-none-any",)},
        {"direct_url": '{"url": "file:///d"}'}, {"requested": True}, {"installer": "uv"}, {"is_conda": True},
        {"problem": "p"},
    ],
)  # fmt: skip
def test_another_distribution_is_not_found(tmp_path: Path, change: dict[str, Any]) -> None:
    """All that an entry depends on is part of the question."""
    memo = Memo(tmp_path / "memo.json", tmp_path)
    memo.remember([(DEMO, entry())])

    assert memo.find(change_installed(DEMO, **change)) is None


@pytest.mark.parametrize("package", [entry("index-inferred"), entry("none"), entry(directory=Directory(path="."))])
def test_what_was_not_proven_is_asked_again(tmp_path: Path, package: Package) -> None:
    """A source tree can change under the same digest."""
    memo = Memo(tmp_path / "memo.json", tmp_path)
    memo.remember([(DEMO, package)])

    assert memo.find(DEMO) is None


def test_wheel_that_is_gone_or_cut_short_is_made_again(tmp_path: Path) -> None:
    """An entry without its wheel could not be rebuilt."""
    memo = Memo(tmp_path / "memo.json", tmp_path)
    package = entry("repacked", kept(tmp_path, b"wheel"))
    memo.remember([(DEMO, package)])

    assert package == memo.find(DEMO)
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(b"wh")
    assert memo.find(DEMO) is None


def test_a_wheel_that_was_damaged_at_its_size_is_made_again(tmp_path: Path) -> None:
    """Also where it was hashed before, and its own time was put back."""
    memo, path = Memo(tmp_path / "memo.json", tmp_path), tmp_path / "demo-1.0-py3-none-any.whl"
    memo.remember([(DEMO, entry("repacked", kept(tmp_path, b"wheel")))])
    old = time.time_ns() - 60 * 10**9
    os.utime(path, ns=(old, old))
    assert memo.find(DEMO) is not None

    path.write_bytes(b"whee!")
    os.utime(path, ns=(old, old))

    assert memo.find(DEMO) is None
    assert Memo(tmp_path / "memo.json", tmp_path).find(DEMO) is None


def test_overwritten_wheel_is_made_again(tmp_path: Path) -> None:
    """Two builds of one version share a file name: the older entry would name a hash that no file has."""
    memo = Memo(tmp_path / "memo.json", tmp_path)
    other = change_installed(DEMO, content_digest="other")
    third = change_installed(DEMO, content_digest="third")
    memo.remember([(DEMO, entry("repacked", kept(tmp_path, b"one"))), (third, entry())])
    memo.remember([(other, entry("repacked", kept(tmp_path, b"two")))])

    assert (None, True, True) == (memo.find(DEMO), memo.find(other) is not None, memo.find(third) is not None)


@pytest.mark.parametrize("text", [b"", b"{", b'{"version": 1, "entries": {}}', b"\xff"])
def test_unreadable_memo_is_as_good_as_none(tmp_path: Path, text: bytes) -> None:
    """It is a cache."""
    (tmp_path / "memo.json").write_bytes(text)

    assert Memo(tmp_path / "memo.json", tmp_path).find(DEMO) is None
