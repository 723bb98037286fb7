"""Source trees that were installed editable: is the one in the working tree still the one that was locked?"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.manifest.diff.rebuilt import Difference
from envsnap.manifest.package import Package


class WheelBuilder(Protocol):
    """Whoever builds the wheel of a source tree."""

    def build_wheel(self, source: Path, target: Path) -> Path:
        """Build it into ``target``."""


def source_digest(record: str) -> str:
    """Digest the rows of a wheel's RECORD that come from the source tree.

    Its ``.dist-info`` is left out: WHEEL names the version of the build backend, which is not the project's own.
    """
    return content_digest("\n".join(line for line in record.splitlines() if ".dist-info/" not in line))[0]


def diff_sources(
    packages: Iterable[Package], project: Path, builder: WheelBuilder, scratch: Path
) -> tuple[Difference, ...]:
    """Build each editable source tree of the working tree anew, and name those that changed.

    Args:
        packages: the locked ones; only those with an editable ``directory`` count.
        project: folder that the recorded paths are relative to.
        builder: builds the wheels.
        scratch: existing folder for them.

    Raises:
        CaptureError: a wheel cannot be built.
    """
    editable = [package for package in packages if package.directory is not None and package.directory.editable]
    found = ((package, _digest(package, project, builder, scratch)) for package in editable)
    return tuple(
        Difference(what=package.name, locked=f"source {_short(package.installed.source_digest)}", found=_short(digest))
        for package, digest in found
        if package.installed.source_digest is not None and digest != package.installed.source_digest
    )


def _digest(package: Package, project: Path, builder: WheelBuilder, scratch: Path) -> str | None:
    folder = project / (package.directory.path if package.directory else "")
    if not folder.is_dir():
        return None
    with tempfile.TemporaryDirectory(dir=scratch, prefix="build-") as target:
        return source_digest(read_local_record(builder.build_wheel(folder.resolve(), Path(target))))


def _short(digest: str | None) -> str:
    return "no source folder" if digest is None else digest[:12]
