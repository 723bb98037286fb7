"""Which wheels can be the installed one, by their names alone."""

import contextlib
from collections.abc import Callable, Iterable

from packaging.tags import InvalidTag, Tag, parse_tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envsnap.host.index.file import IndexFile
from envsnap.manifest.installed import InstalledPackage

_NO_FIT = 2


def fitting_wheels(package: InstalledPackage, served: Iterable[IndexFile]) -> tuple[IndexFile, ...]:
    """Order the served wheels by how well their names fit the installed WHEEL file; those that cannot fit are left out.

    Exactly the installed tags come before names that share a tag: auditwheel and retagging tools do not always
    rewrite every ``Tag`` line.
    """
    tags = installed_tags(package)
    ranked = [(_fit(package, tags, wheel), index, wheel) for index, wheel in enumerate(served)]
    return tuple(wheel for rank, _, wheel in sorted(ranked, key=lambda row: row[:2]) if rank < _NO_FIT)


def may_fit(package: InstalledPackage) -> Callable[[IndexFile], bool]:
    """Return what tells, by its name alone and quickly, a wheel of this release that could be the installed one.

    One whose name spells the version in another way than METADATA is not found.
    """
    mark = f"-{package.version}-"
    tags = {(tag.interpreter, tag.abi, tag.platform) for tag in installed_tags(package)}
    known = [frozenset(parts) for parts in zip(*tags, strict=True)]

    def is_wanted(file: IndexFile) -> bool:
        name = file.filename
        if mark not in name or not name.endswith(".whl"):
            return False
        parts = name.removesuffix(".whl").lower().split("-")[-3:]
        return all(not there.isdisjoint(part.split(".")) for there, part in zip(known, parts, strict=False))

    return is_wanted


def fits_exactly(package: InstalledPackage, wheel: IndexFile) -> bool:
    """Whether a wheel's name has just the installed tags and build."""
    return _fit(package, installed_tags(package), wheel) == 0


def installed_tags(package: InstalledPackage) -> frozenset[Tag]:
    """Return the tags of the installed WHEEL file; a line that is no tag is none of them."""
    found: set[Tag] = set()
    for line in package.record.tags:
        with contextlib.suppress(InvalidTag):
            found |= parse_tag(line)
    return frozenset(found)


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


def _fit(package: InstalledPackage, tags: frozenset[Tag], wheel: IndexFile) -> int:
    try:
        _, _, build, served = parse_wheel_filename(wheel.filename)
    except InvalidWheelFilename:
        return _NO_FIT
    if package.record.build != _spell(build) or not served & tags:
        return _NO_FIT
    return 0 if served == tags else 1


def _spell(build: BuildTag) -> str:
    return "".join(str(part) for part in build)
