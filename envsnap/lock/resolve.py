"""Installed distributions -> the files that the indexes serve for them, through uv."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envsnap.errors import UnsatisfiableError
from envsnap.host.index.uv import TargetPython, UvFile, UvPackage
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.package import Installed, normalised


class Locker(Protocol):
    """Whoever resolves pinned requirements to files."""

    def lock(self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path) -> tuple[UvPackage, ...]:
        """Resolve all, or raise UnsatisfiableError."""


MANYLINUX = (17, 28, *range(31, 41))
"""The glibc 2.x that uv has a platform for: https://docs.astral.sh/uv/reference/cli/#uv-pip-compile--python-platform"""


def target_python(interpreter: Interpreter, platform: Platform) -> TargetPython:
    """Describe an interpreter that is not on this machine: the newest platform that its C library serves."""
    major, _, minor = platform.libc_version.partition(".")
    served = [number for number in MANYLINUX if minor.isdecimal() and number <= int(minor)]
    if platform.libc == "glibc" and major == "2" and served and platform.arch in {"x86_64", "aarch64"}:
        return TargetPython(interpreter.version, f"{platform.arch}-manylinux_2_{served[-1]}")
    libc = "gnu" if platform.libc == "glibc" else "musl"
    return TargetPython(interpreter.version, f"{platform.arch}-unknown-linux-{libc}")


def resolve(
    installed: Sequence[Installed], locker: Locker, *, python: Path | TargetPython, folder: Path
) -> Mapping[str, UvPackage | UnsatisfiableError]:
    """Ask the indexes for every package at its exact version.

    One package that no index has makes uv refuse the whole list. Its reason names one such package, and the rest is
    asked for again. Where it names none or several, the list is split in halves: ``k`` refused ones cost about
    ``2 k log2(n / k)`` questions, answered from uv's cache.

    Returns:
        By normalised name: what the indexes serve, or why they serve nothing.

    Raises:
        CaptureError: the indexes could not be asked.
    """
    return dict(_resolve(installed, locker, python, folder))


def _resolve(
    installed: Sequence[Installed], locker: Locker, python: Path | TargetPython, folder: Path
) -> Iterator[tuple[str, UvPackage | UnsatisfiableError]]:
    if not installed:
        return
    try:
        answer = locker.lock([package.label for package in installed], python=python, folder=folder)
    except UnsatisfiableError as refusal:
        named = _named(installed, str(refusal))
        if len(named) == 1:
            yield named[0].name, refusal
        for part in _parts(installed, named):
            yield from _resolve(part, locker, python, folder)
    else:
        yield from ((normalised(package.name), package) for package in answer)


def _named(installed: Sequence[Installed], reason: str) -> Sequence[Installed]:
    """Return the packages that a refusal names; of a list of one it can mean no other."""
    if len(installed) == 1:
        return installed
    words = frozenset(word.strip(",.;:`'\"()") for word in reason.split())
    return [package for package in installed if package.label in words]


def _parts(installed: Sequence[Installed], refused: Sequence[Installed]) -> Iterator[Sequence[Installed]]:
    """Give the lists to ask next: without the one that was refused, or two halves where several may have been."""
    if len(refused) == 1:
        yield [package for package in installed if package is not refused[0]]
    else:
        yield from (installed[: len(installed) // 2], installed[len(installed) // 2 :])


def fitting_wheels(package: Installed, served: Iterable[UvFile]) -> tuple[UvFile, ...]:
    """Order the served wheels by how well their names fit the installed WHEEL file; those that cannot fit are left out.

    Exactly the installed tags come before names that share a tag: auditwheel and retagging tools do not always
    rewrite every ``Tag`` line.
    """
    tags = frozenset(tag for line in package.tags for tag in _parse_tag(line))
    ranked = [(_fit(package, tags, wheel), index, wheel) for index, wheel in enumerate(served)]
    return tuple(wheel for rank, _, wheel in sorted(ranked, key=lambda row: row[:2]) if rank < _NO_FIT)


def may_fit(package: Installed) -> Callable[[str], bool]:
    """Return what tells, by its name alone and quickly, a wheel of this release that could be the installed one.

    One whose name spells the version in another way than METADATA is not found.
    """
    mark = f"-{package.version}-"
    tags = {(tag.interpreter, tag.abi, tag.platform) for line in package.tags for tag in _parse_tag(line)}
    known = [frozenset(parts) for parts in zip(*tags, strict=True)]

    def is_wanted(name: str) -> bool:
        if mark not in name or not name.endswith(".whl"):
            return False
        parts = name.removesuffix(".whl").lower().split("-")[-3:]
        return all(not there.isdisjoint(part.split(".")) for there, part in zip(known, parts, strict=False))

    return is_wanted


def fits_exactly(package: Installed, wheel: UvFile) -> bool:
    """Whether a wheel's name has just the installed tags and build."""
    return _fit(package, frozenset(tag for line in package.tags for tag in _parse_tag(line)), wheel) == 0


def is_version(text: str) -> bool:
    """Whether installers accept it: https://packaging.python.org/en/latest/specifications/version-specifiers/."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def is_same_version(one: str, other: str) -> bool:
    """Whether two valid versions are equal, however they are spelled."""
    return Version(one) == Version(other)


_NO_FIT = 2


def _fit(package: Installed, tags: frozenset[Tag], wheel: UvFile) -> int:
    try:
        _, _, build, served = parse_wheel_filename(wheel.filename)
    except InvalidWheelFilename:
        return _NO_FIT
    if package.build != _spell(build) or not served & tags:
        return _NO_FIT
    return 0 if served == tags else 1


def _spell(build: BuildTag) -> str:
    return "".join(str(part) for part in build)


def _parse_tag(line: str) -> Iterator[Tag]:
    interpreter, _, rest = line.partition("-")
    abi, _, platforms = rest.partition("-")
    for python in interpreter.split("."):
        for binary in abi.split("."):
            for platform in platforms.split("."):
                yield Tag(python, binary, platform)
