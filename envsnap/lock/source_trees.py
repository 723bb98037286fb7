"""Source trees: the wheel that is built from one, and whether the working tree's is still the one that was locked."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from envsnap.errors import CaptureError
from envsnap.host.index.wheel import read_local_record
from envsnap.lock.wheels import BuildWheel, WheelFolder, digest_of
from envsnap.manifest.diff.rebuilt import Difference
from envsnap.manifest.package import Artefact, Package


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltWheel:
    """The kept wheel of a source tree.

    Args:
        wheel: as the lock names it.
        version: as its name says.
        content_digest: of its RECORD.
        source_digest: of what came from the source tree.
    """

    wheel: Artefact
    version: str
    content_digest: str
    source_digest: str


def build_tree(folder: Path, wheels: WheelFolder, label: str) -> BuiltWheel:
    """Build the wheel of a source tree, and keep it.

    Args:
        folder: the source tree.
        wheels: where the wheel is kept; it can build.
        label: how a message names the package.

    Raises:
        CaptureError: the build fails, or may not be made offline.
        DiskFullError: there is no room for the wheel.
    """
    if wheels.build is None:
        raise CaptureError(f"{label}: its source folder {folder} is built into a wheel only online")
    with wheels.scratch("build") as scratch:
        built = wheels.build(folder, Path(scratch))
        record, wheel = read_local_record(built), wheels.keep(built, label)
    return BuiltWheel(
        wheel=wheel,
        version=str(parse_wheel_filename(wheel.name)[1]),
        content_digest=digest_of(record),
        source_digest=source_digest(record),
    )


def source_digest(record: str) -> str:
    """Digest the rows of a wheel's RECORD that come from the source tree.

    Its ``.dist-info`` is left out: WHEEL names the version of the build backend, which is not the project's own.
    """
    return digest_of("\n".join(line for line in record.splitlines() if ".dist-info/" not in line))


def diff_sources(
    packages: Iterable[Package], project: Path, build: BuildWheel, scratch: Path
) -> tuple[Difference, ...]:
    """Build each editable source tree of the working tree anew, and name those that changed.

    Args:
        packages: the locked ones; only those with an editable ``directory`` count.
        project: folder that the recorded paths are relative to.
        build: builds the wheels.
        scratch: existing folder for them.

    Raises:
        CaptureError: a wheel cannot be built.
    """
    editable = [package for package in packages if package.directory is not None and package.directory.editable]
    found = ((package, _digest(package, project, build, scratch)) for package in editable)
    return tuple(
        Difference(what=package.name, locked=f"source {_short(package.installed.source_digest)}", found=_short(digest))
        for package, digest in found
        if package.installed.source_digest is not None and digest != package.installed.source_digest
    )


def _digest(package: Package, project: Path, build: BuildWheel, scratch: Path) -> str | None:
    folder = project / (package.directory.path if package.directory else "")
    if not folder.is_dir():
        return None
    with tempfile.TemporaryDirectory(dir=scratch, prefix="build-") as target:
        return source_digest(read_local_record(build(folder.resolve(), Path(target))))


def _short(digest: str | None) -> str:
    return "no source folder" if digest is None else digest[:12]
