"""What every format of ``envsnap export`` gives: its text, and what it could not hold, by name and reason."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.model import Model
from envsnap.manifest.package import Package


class OmittedPackage(Model, frozen=True, order=True):
    """A package that the format cannot hold.

    Args:
        reason: why.
        name: of the package.
        version: of the package; "" where it is not known.
    """

    reason: str
    name: str
    version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportFile:
    """A rendered file: its text, how many packages it holds, those it cannot, and what its reader should know."""

    text: str
    packages: int
    left_out: tuple[OmittedPackage, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportPlace:
    """Where the file will stand.

    Args:
        lock_folder: the path from its folder to the lock's, "" where they are the same.
        name: of the environment, for formats that name it.
    """

    lock_folder: str = ""
    name: str = "envsnap"

    def beside_lock(self, path: str) -> str:
        """Spell a path that is relative to the lock relative to the file."""
        return posixpath.normpath(posixpath.join(self.lock_folder, path))


def header(manifest: Manifest) -> str:
    """Return the comment that says what a text file was made from."""
    return f"# Written by envsnap export from the lock {manifest.snapshot.digest[:12]}; do not edit it.\n"


def is_from_conda(package: Package) -> bool:
    """Whether conda's record, not the Python package's own entry, pins it."""
    return package.installed.owner == "conda"


def python_packages(contents: Contents) -> tuple[Package, ...]:
    """Return the packages that pip or uv can install: conda's are pinned by its own records."""
    return tuple(sorted((item for item in contents.packages if not is_from_conda(item)), key=lambda item: item.name))


def omit_without_wheel(packages: Iterable[Package]) -> Iterator[OmittedPackage]:
    """Name the packages that no wheel rebuilds, for formats that hold nothing else."""
    for package in packages:
        if package.wheel is None:
            yield omit(package, package.installed.reason or "the lock has no artefact of it")


def omit(package: Package, reason: str) -> OmittedPackage:
    """Name a package that a format cannot hold."""
    return OmittedPackage(name=package.name, version=package.installed_version, reason=reason)


def omit_conda_packages(contents: Contents) -> Iterator[OmittedPackage]:
    """Name conda's packages, for formats that only pip and uv read."""
    for package in contents.conda.packages if contents.conda else ():
        yield OmittedPackage(
            name=package.name,
            version=package.version,
            reason="conda installed it, and pip and uv install nothing of conda's",
        )
