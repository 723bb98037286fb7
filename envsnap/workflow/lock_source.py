"""Where build and verify get the lock and its wheels from: the project and the indexes, or a bundle alone."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from envsnap.build.own_code import with_own_code
from envsnap.build.wheels import CopyWheel, copy_kept_wheel
from envsnap.bundle.reader import Bundle, open_bundle
from envsnap.host.files import work_folder
from envsnap.host.index.config import IndexConfig
from envsnap.host.own_places import LOCK
from envsnap.lock.wheels import CONTEXT_WHEELS
from envsnap.manifest.bundle_index import BASELINE
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Package
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import read_lock


@dataclass(frozen=True, slots=True)
class LockSource:
    """A lock and where its wheels come from; with ``bundle`` no index is asked."""

    manifest: Manifest
    bundle: Bundle | None

    @property
    def is_offline(self) -> bool:
        """Whether nothing may be asked of a network."""
        return self.bundle is not None

    @property
    def carried(self) -> Manifest:
        """The manifest to render: the project's own packages have a wheel, and each comes along with a bundle."""
        manifest = with_own_code(self.manifest).manifest
        return manifest if self.bundle is None else _with_every_wheel_here(manifest)

    def wheels(self, folder: Path, config: IndexConfig) -> CopyWheel:
        """Return what has the wheels that are carried along."""
        own = with_own_code(self.manifest)
        if self.bundle is not None:
            return own.copying(self.bundle.copy_wheel)
        return own.copying(partial(copy_kept_wheel, folders=(work_folder(folder) / "wheels", *config.local_folders)))


def open_lock_source(folder: Path, lock: Path | None, bundle: Path | None, progress: Progress) -> LockSource:
    """Read the lock that is named, else the bundle's own, else the project's.

    Raises:
        UsageError: there is no lock.
        InvalidFileError: it is not valid.
        BundleError: the bundle is none, or damaged.
    """
    opened = open_bundle(bundle) if bundle is not None else None
    if opened is None or lock is not None:
        return LockSource(read_lock(lock or folder / LOCK, progress).manifest, opened)
    manifest, warnings = opened.manifest()
    for warning in warnings:
        progress.warn(warning)
    return LockSource(manifest, opened)


@contextlib.contextmanager
def baseline_folder(source: LockSource, project: Path) -> Iterator[Path]:
    """Give the folder in which ``envsnap.baseline`` lies: the project, or the bundle, an archive's unpacked.

    Raises:
        BundleError: a file of the archive is damaged.
    """
    bundle = source.bundle
    if bundle is None:
        yield project
    elif bundle.offsets is None:
        yield bundle.path
    else:
        with tempfile.TemporaryDirectory(dir=work_folder(project), prefix="baseline-") as name:
            for entry in bundle.index.of_kind("baseline"):
                bundle.copy(entry, Path(name) / BASELINE / entry.name)
            yield Path(name)


def _with_every_wheel_here(manifest: Manifest) -> Manifest:
    contents = manifest.contents
    build = replace(contents.build, index_url=None, extra_index_urls=())
    packages = tuple(map(_carried, contents.packages))
    return replace(manifest, contents=replace(contents, packages=packages, build=build))


def _carried(package: Package) -> Package:
    installed = package.installed
    evidence = "local-file" if installed.evidence == "direct-url" else installed.evidence
    wheel = _here(installed.wheel) if installed.wheel is not None else None
    return replace(
        package,
        index=None,
        wheels=tuple(map(_here, package.wheels)),
        installed=replace(installed, evidence=evidence, wheel=wheel),
    )


def _here(wheel: Artefact) -> Artefact:
    return replace(wheel, url=None, path=f"{CONTEXT_WHEELS}/{wheel.name}")
