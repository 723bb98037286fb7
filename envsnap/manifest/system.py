"""Packages of the distribution."""

from typing import Literal

from envsnap.manifest.model import Model


class SystemPackage(Model, frozen=True, order=True):
    """A package of the distribution that owns a library which the environment or the job needs.

    Args:
        manager: which package manager knows it.
        name: as the manager spells it.
        version: with the distribution's revision.
        arch: architecture it was built for.
        libraries: why it is listed: the names by which its libraries are needed, or were loaded.
    """

    manager: Literal["dpkg", "rpm", "apk"]
    name: str
    version: str
    arch: str
    libraries: tuple[str, ...] = ()


class System(Model, frozen=True):
    """What the distribution brought.

    Args:
        packages: those that own libraries which the extension modules or the job need, and the interpreter's.
        unowned: libraries that are needed and lie outside of the environment, and that no package owns.
    """

    packages: tuple[SystemPackage, ...] = ()
    unowned: tuple[str, ...] = ()
