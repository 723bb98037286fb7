"""Wheels in folders of this machine: the one that a distribution was installed from needs no index to be known."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsnap.errors import WheelUnreadableError
from envsnap.host.index.uv import UvFile
from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.lock.resolve import fitting_wheels, is_same_version
from envsnap.manifest.package import Installed

LocalWheels = Mapping[str, tuple[Path, ...]]
"""By project name."""


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


def find_wheel(package: Installed, wheels: LocalWheels) -> Path | None:
    """Return the wheel whose RECORD is the installed one."""
    of_version = (path for path in wheels.get(package.name, ()) if _is_of(package, path))
    for file in fitting_wheels(package, (UvFile(hashes={}, path=str(path)) for path in of_version)):
        path = Path(file.path or "")
        try:
            if content_digest(read_local_record(path))[0] == package.content_digest:
                return path
        except WheelUnreadableError:
            continue
    return None


def _is_of(package: Installed, wheel: Path) -> bool:
    return is_same_version(str(parse_wheel_filename(wheel.name)[1]), package.version)
