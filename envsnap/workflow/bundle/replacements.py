"""Wheels that no index has any more: made again from the installed files of the captured environment."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap.bundle.collect import Collection
from envsnap.bundle.store import BlobStore, room_in_bundle
from envsnap.capture.environment import CapturedEnvironment
from envsnap.errors import BundleError, CaptureError, UsageError
from envsnap.host.files import sha256_file
from envsnap.lock.repack import repack
from envsnap.lock.wheels import CONTEXT_WHEELS, wheel_digest
from envsnap.manifest.bundle_index import BundleEntry, ReplacedWheel
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.lockfile import seal
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Package

Probe = Callable[[], CapturedEnvironment]


@dataclass(frozen=True, slots=True)
class CompleteLock:
    """A manifest for which every wheel is at hand, the wheels that were made for it, and what they stand for."""

    manifest: Manifest
    entries: tuple[BundleEntry, ...] = ()
    replaced: tuple[ReplacedWheel, ...] = ()


def replace_lost(manifest: Manifest, collected: Collection, probe: Probe, store: BlobStore) -> CompleteLock:
    """Make the lost wheels from what is installed, and return a manifest that pins them in place of the lost ones.

    Only an installation with the locked content digest serves: the bundle's environment is the captured one.

    Raises:
        BundleError: names each file that can neither be had nor made, and why.
    """
    lost, problems = collected.lost, list(collected.problems)
    if not lost and not problems:
        return CompleteLock(manifest)
    packages = {package.name: package for package in manifest.contents.packages}
    made: dict[str, Artefact] = {}
    found = _installed(probe) if lost else "not asked"
    for wheel in lost:
        try:
            made[wheel.package] = _make(packages[wheel.package], found, store)
        except (CaptureError, BundleError) as error:
            problems.append(f"{wheel.reason}; nor can it be made from the installed files: {error}")
    if problems:
        raise BundleError("the bundle would not be complete:" + "".join(f"\n  {problem}" for problem in problems))
    reasons = {wheel.package: wheel.reason for wheel in lost}
    changed = tuple(
        _repin(package, made[package.name], reasons[package.name]) if package.name in made else package
        for package in manifest.contents.packages
    )
    snapshot = manifest.snapshot
    sealed = seal(
        replace(manifest.contents, packages=changed), created_by=snapshot.created_by, created_at=snapshot.created_at
    )
    entries = tuple(
        BundleEntry(kind="wheel", name=wheel.name, sha256=wheel.hashes["sha256"], size=wheel.size or 0)
        for wheel in made.values()
    )
    return CompleteLock(sealed, entries, lost)


def _installed(probe: Probe) -> CapturedEnvironment | str:
    """Probe the environment that was captured; say why not, where it is gone."""
    try:
        return probe()
    except (UsageError, CaptureError) as error:
        return str(error)


def _make(package: Package, found: CapturedEnvironment | str, store: BlobStore) -> Artefact:
    if isinstance(found, str):
        raise BundleError(found)
    installed = _same(package, found)
    with (
        room_in_bundle(f"{package.name} {package.installed_version}", store.root),
        tempfile.TemporaryDirectory(dir=store.blobs, prefix="repack-") as scratch,
    ):
        wheel = repack(installed, prefix=found.prefix, target=Path(scratch))
        if wheel_digest(wheel) != package.expected_digest:
            raise BundleError(f"the files of {package.name} were changed after the freeze")
        digest, size = sha256_file(wheel)
        wheel.replace(store.blobs / digest)
    return Artefact(name=wheel.name, path=f"{CONTEXT_WHEELS}/{wheel.name}", hashes={"sha256": digest}, size=size)


def _same(package: Package, found: CapturedEnvironment) -> InstalledPackage:
    """Return the installation that the lock describes."""
    installed = next((item for item in found.packages if item.name == package.name), None)
    if installed is None:
        raise BundleError(f"{package.name} is not installed in {found.prefix}; name the captured one with --python")
    if not installed.record.content_digest or installed.record.content_digest != package.installed.content_digest:
        raise BundleError(
            f"{installed.label} in {found.prefix} is not the locked {package.name} {package.installed_version}; "
            "name the captured environment with --python"
        )
    return installed


def _repin(package: Package, wheel: Artefact, why_lost: str) -> Package:
    reason = f"made for a bundle from the installed files: {why_lost}"
    record = replace(package.installed, evidence="repacked", reason=reason)
    if package.wheels or (package.vcs is None and package.directory is None):
        return replace(package, wheels=(wheel,), index=None, version=package.installed_version, installed=record)
    return replace(package, installed=replace(record, wheel=wheel))
