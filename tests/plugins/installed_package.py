"""Installed distributions as values, for tests that need no environment."""

from typing import Any

from msgspec.structs import replace

from envsnap.capture.direct_url import parse_direct_url
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import InstalledRecord, Package

PLACES = frozenset(["root", "folder", "metadata_sha256", "is_conda", "problem"])


def make_installed(name: str = "demo", version: str = "1.0", **fields: Any) -> InstalledPackage:
    """Return a distribution; ``fields`` are those of its record, or say where its files are and what is wrong."""
    record = InstalledRecord(tags=(), evidence="none", content_digest="", location="")
    bare = InstalledPackage(
        package=Package(name=name, version=version, installed=record), root="/r", folder=f"{name}-{version}.dist-info"
    )
    return change_installed(bare, **fields)


def change_installed(installed: InstalledPackage, **fields: Any) -> InstalledPackage:
    """Return the distribution with other facts; ``direct_url`` is the text of direct_url.json."""
    facts = {name: fields.pop(name) for name in PLACES & fields.keys()}
    if "direct_url" in fields:
        facts["direct_url"] = parse_direct_url(fields.pop("direct_url"))
    version = fields.pop("version", installed.package.version)
    package = replace(installed.package, version=version, installed=replace(installed.record, **fields))
    return replace(installed, package=package, **facts)
