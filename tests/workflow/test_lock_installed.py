"""A capture tells which packages cannot be rebuilt."""

from collections.abc import Callable

import msgspec

from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Package
from envsnap.workflow.lock_installed import _without_artefact


def lacking(package: Package, name: str, reason: str) -> Package:
    """The package under another name, without an artefact."""
    installed = msgspec.structs.replace(package.installed, evidence="none", reason=reason)
    return msgspec.structs.replace(package, name=name, wheels=(), installed=installed)


def test_packages_that_cannot_be_rebuilt_are_told_by_reason(make_manifest: Callable[..., Manifest]) -> None:
    """One line a reason, in the order of the packages; those that can be rebuilt are not named."""
    (tool,) = make_manifest().contents.packages
    packages = [lacking(tool, "a", "offline"), tool, lacking(tool, "b", "no tags"), lacking(tool, "c", "offline")]

    assert [("offline", ["a", "c"]), ("no tags", ["b"])] == _without_artefact(packages)
