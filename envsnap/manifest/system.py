"""Packages of the distribution."""

from typing import Literal

from envsnap.manifest.model import Model


class SystemPackage(Model, frozen=True):
    """A package of the distribution that owns a library which the job loaded.

    Args:
        manager: which package manager knows it.
        name: as the manager spells it.
        version: with the distribution's revision.
        arch: architecture it was built for.
    """

    manager: Literal["dpkg", "rpm", "apk"]
    name: str
    version: str
    arch: str


class System(Model, frozen=True):
    """What the distribution brought.

    Args:
        packages: those that own libraries which the job loaded.
    """

    packages: tuple[SystemPackage, ...] = ()
