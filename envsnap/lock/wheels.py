"""Wheels on this machine: what they hold, which one was installed, and the folder for those that are kept."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsnap.errors import WheelUnreadableError
from envsnap.host.files import link_or_copy, room_for, sha256_file
from envsnap.host.index.file import IndexFile
from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.lock.wheel_fit import fitting_wheels, is_same_version
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Artefact

CONTEXT_WHEELS = ".envsnap/wheels"
"""Where wheels that no index serves are kept, relative to the lock; PEP 751 ``path`` is relative too."""

BuildWheel = Callable[[Path, Path], Path]
"""Builds the wheel of a source tree into an empty folder, and returns it; raises CaptureError where that fails."""
LocalWheels = Mapping[str, tuple[Path, ...]]
"""Wheels in folders of this machine, by project name."""


@dataclass(frozen=True, slots=True)
class WheelFolder:
    """Wheels that are kept beside the lock, for no index serves them.

    Args:
        project: folder of the lock; its ``.envsnap`` is there.
        build: builds the wheel of a source tree; None offline.
    """

    project: Path
    build: BuildWheel | None = None

    @property
    def path(self) -> Path:
        """The folder; whoever begins to lock makes it."""
        return self.project / CONTEXT_WHEELS

    def scratch(self, purpose: str) -> "tempfile.TemporaryDirectory[str]":
        """Make a folder for a while, from which a wheel can be kept by a hard link."""
        return tempfile.TemporaryDirectory(dir=self.path.parent, prefix=f"{purpose}-")

    def keep(self, wheel: Path, label: str) -> Artefact:
        """Keep a wheel of this machine; ``label`` is how a message names its package.

        Raises:
            DiskFullError: there is no room for it.
        """
        with room_for(f"{label}: the wheel {wheel.name}"):
            place = link_or_copy(wheel, self.path / wheel.name)
        digest, size = sha256_file(place)
        return Artefact(name=place.name, path=f"{CONTEXT_WHEELS}/{place.name}", hashes={"sha256": digest}, size=size)


def wheel_digest(wheel: Path) -> str:
    """Return the digest that the contents of a wheel on this machine show once they are installed.

    Raises:
        WheelUnreadableError: it cannot be read, or is no wheel.
    """
    return digest_of(read_local_record(wheel))


def digest_of(record: str) -> str:
    """Return the content digest that the text of a RECORD tells."""
    return content_digest(record)[0]


def list_wheels(folders: Iterable[Path]) -> LocalWheels:
    """List the wheels that lie in folders; a folder that cannot be read holds none."""
    found: dict[str, tuple[Path, ...]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.whl")):
            try:
                name = parse_wheel_filename(path.name)[0]
            except InvalidWheelFilename:
                continue
            found[name] = (*found.get(name, ()), path)
    return found


def find_wheel(package: InstalledPackage, wheels: LocalWheels) -> Path | None:
    """Return the wheel whose RECORD is the installed one."""
    files = {path.name: path for path in reversed(wheels.get(package.name, ())) if _is_of(package, path)}
    for file in fitting_wheels(package, (IndexFile(filename=name, url="") for name in files)):
        if has_content(files[file.filename], package.record.content_digest):
            return files[file.filename]
    return None


def has_content(wheel: Path, digest: str) -> bool:
    """Whether a wheel of this machine has these contents; one that cannot be read has none."""
    try:
        return wheel_digest(wheel) == digest
    except WheelUnreadableError:
        return False


def _is_of(package: InstalledPackage, wheel: Path) -> bool:
    return is_same_version(str(parse_wheel_filename(wheel.name)[1]), package.version)
