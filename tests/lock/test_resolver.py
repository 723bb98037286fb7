"""Refused requirement lists are split until the refused ones stand alone; wheels are ranked by their tags."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installed_package import make_installed

from envsnap.errors import CaptureError, UnsatisfiableError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.file import IndexFile, Release
from envsnap.host.index.uv import TargetPython
from envsnap.lock.indexes import Indexes
from envsnap.lock.resolver import Locker, Resolver, target_python
from envsnap.lock.wheel_fit import fitting_wheels, is_same_version, is_version
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.interpreter import Interpreter, Platform


class FakeLocker:
    """Serves every package but the refused ones; counts the questions."""

    def __init__(self, refused: frozenset[str]) -> None:
        self.refused = {f"{name}==1.0" for name in refused}
        self.questions = 0

    def lock(self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path) -> tuple[Release, ...]:
        """Refuse the whole list for one refused entry, as uv does."""
        self.questions += 1
        if self.refused.intersection(requirements):
            raise UnsatisfiableError(f"no solution for {python} in {folder}")
        return tuple(Release(line.partition("==")[0]) for line in requirements)


def installed(name: str = "demo", *tags: str, build: str = "") -> InstalledPackage:
    """Return an installed distribution."""
    return make_installed(name, tags=tags, build=build)


def resolver(locker: Locker) -> Resolver:
    """Return one that asks this locker."""
    indexes = Indexes(IndexConfig(), tuple)
    return Resolver(indexes=indexes, locker=locker, python=Path("python"), scratch=Path(tempfile.gettempdir()))


@given(st.lists(st.booleans(), max_size=40))
def test_every_package_is_answered_for_itself(served: list[bool]) -> None:
    """A package that no index has never hides another one, and few questions are asked."""
    packages = [installed(f"p{number}") for number in range(len(served))]
    refused = frozenset(package.name for package, there in zip(packages, served, strict=True) if not there)
    locker = FakeLocker(refused)

    answers = resolver(locker).resolve(packages)

    assert {package.name for package in packages} == set(answers)
    assert refused == {name for name, answer in answers.items() if isinstance(answer, UnsatisfiableError)}
    assert locker.questions <= 1 + 2 * len(refused) * max(1, len(served).bit_length())


def test_an_index_that_cannot_be_asked_is_an_error() -> None:
    """Only 'no such package' is an answer."""

    class Down:
        def lock(
            self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path
        ) -> tuple[Release, ...]:
            raise CaptureError(f"down: {requirements} {python} {folder}")

    with pytest.raises(CaptureError, match="down"):
        resolver(Down()).resolve([installed()])


def names(package: InstalledPackage, *served: str) -> list[str]:
    """Name the fitting ones of these wheels."""
    files = (IndexFile(filename=name, url=f"https://index.example/{name}") for name in served)
    return [wheel.filename for wheel in fitting_wheels(package, files)]


def test_exact_tags_come_before_shared_ones() -> None:
    """auditwheel does not rewrite every Tag line: a name that shares one tag may be it."""
    package = installed("demo", "cp311-cp311-manylinux_2_17_x86_64")
    shared = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    exact = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"

    assert [exact, shared] == names(package, "demo-1.0-py3-none-any.whl", shared, "demo.tar.gz", exact)


def test_build_tag_must_be_the_installed_one() -> None:
    """Two builds of one release are two artefacts."""
    package = installed("demo", "py3-none-any", build="2b")

    found = names(package, "demo-1.0-py3-none-any.whl", "demo-1.0-1-py3-none-any.whl", "demo-1.0-2b-py3-none-any.whl")

    assert ["demo-1.0-2b-py3-none-any.whl"] == found


@pytest.mark.parametrize(
    ("text", "expected"), [("1.0+cu124", True), ("2024a", True), ("1.0-final-x", False), ("", False)]
)
def test_versions_that_installers_accept(text: str, expected: bool) -> None:
    """PEP 440 decides."""
    assert expected == is_version(text)


def test_versions_are_equal_however_spelled() -> None:
    """Builders normalise what METADATA spells otherwise."""
    assert is_same_version("1.0", "1.0.0")
    assert not is_same_version("1.0", "1.0+cpu")


@pytest.mark.parametrize(
    ("libc", "version", "arch", "expected"),
    [
        ("glibc", "2.36", "x86_64", "x86_64-manylinux_2_36"),
        ("glibc", "2.30", "aarch64", "aarch64-manylinux_2_28"),
        ("glibc", "2.99", "x86_64", "x86_64-manylinux_2_40"),
        ("glibc", "2.36", "ppc64le", "ppc64le-unknown-linux-gnu"),
        ("", "", "x86_64", "x86_64-unknown-linux-musl"),
    ],
)
def test_an_interpreter_elsewhere_is_named_by_what_its_c_library_serves(
    libc: str, version: str, arch: str, expected: str
) -> None:
    """uv knows some glibc versions; one between two of them serves the older one's wheels."""
    interpreter = Interpreter(
        implementation="cpython", version="3.11.7", build="", compiler="", soabi="", provenance="image"
    )
    platform = Platform(system="Linux", arch=arch, libc=libc, libc_version=version, distribution="", kernel="")

    assert TargetPython("3.11.7", expected) == target_python(interpreter, platform)
