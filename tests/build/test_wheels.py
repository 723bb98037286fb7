"""A wheel that no index serves is found by its hash, and a lock that cannot be rebuilt is refused first."""

import hashlib
from pathlib import Path

import pytest

from envsnap.build.wheels import check_complete, copy_kept_wheel
from envsnap.errors import BuildError
from envsnap.manifest.package import Artefact, InstalledRecord, Package

WHEEL = Artefact(name="demo-1.0-py3-none-any.whl", hashes={"sha256": hashlib.sha256(b"right").hexdigest()})


def package(name: str, wheel: Artefact | None, reason: str = "") -> Package:
    """Return a locked package."""
    record = InstalledRecord(tags=(), evidence="none", content_digest="", location="", reason=reason)
    return Package(name=name, version="1.0", installed=record, wheels=(wheel,) if wheel else ())


def test_packages_without_an_artefact_are_all_named() -> None:
    """Each with its reason, before anything is built."""
    packages = [package("a", None, "it has no RECORD"), package("b", WHEEL), package("c", None, "conda owns it")]

    with pytest.raises(BuildError, match=r"^2 of the .*\n  a 1\.0: it has no RECORD\n  c 1\.0: conda owns it\n"):
        check_complete(packages)
    check_complete(packages[1:2])


def test_the_file_with_the_recorded_hash_is_taken(tmp_path: Path) -> None:
    """Its name alone proves nothing."""
    for folder, contents in (("a", b"wrong"), ("b", b"right")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / WHEEL.name).write_bytes(contents)
    target = tmp_path / "context" / "wheels" / WHEEL.name

    copy_kept_wheel(WHEEL, target, iter([tmp_path / "gone", tmp_path / "a", tmp_path / "b"]))

    assert b"right" == target.read_bytes()


def test_a_wheel_that_is_nowhere_says_what_to_do(tmp_path: Path) -> None:
    """Name, hash and the places that were searched."""
    with pytest.raises(BuildError, match=f"no index serves {WHEEL.name}.*{tmp_path}.*Copy the wheel there"):
        copy_kept_wheel(WHEEL, tmp_path / "x", [tmp_path])
