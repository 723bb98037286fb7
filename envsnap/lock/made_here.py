"""Wheels that are made on this machine: packed from the installed files, or built from an editable source tree."""

import shutil
import tempfile
from pathlib import Path

from msgspec.structs import replace
from packaging.utils import parse_wheel_filename

from envsnap.errors import CaptureError
from envsnap.host.files import link_or_copy, relative_to, room_for
from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.lock.artefact_sources import Sources
from envsnap.lock.direct_url import DirectUrl
from envsnap.lock.entry import as_source_tree, entry, kept, without_artefact
from envsnap.lock.repack import repack
from envsnap.lock.resolve import is_same_version
from envsnap.lock.sources import source_digest
from envsnap.manifest.package import Artefact, Directory, Installed, Package


def repacked(package: Installed, sources: Sources, *, reason: str, sdist: Artefact | None = None) -> Package:
    """Pack what is installed; ``sdist`` is the source archive that an index serves for the same version."""
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="repack-") as scratch:
        try:
            readable = sources.files.bring(package, Path(scratch))
            made = repack(readable.package, prefix=readable.prefix, target=Path(scratch))
        except CaptureError as error:
            return without_artefact(package, str(error))
        place = sources.wheels / made.name
        with room_for(f"{package.label}: the wheel {made.name}"):
            shutil.move(made, place)
    digest = content_digest(read_local_record(place))[0]
    rebuilt = digest if digest != package.content_digest else None
    if rebuilt:
        reason += "; its files are not those that its RECORD lists: they were changed after the installation"
    return entry(package, "repacked", wheel=kept(place), sdist=sdist, reason=reason, rebuilt=rebuilt)


def lock_tree(package: Installed, direct: DirectUrl, sources: Sources) -> Package:
    """Lock a source tree: an editable one is built into a wheel, an installed one repacked."""
    editable = direct.dir_info is not None and direct.dir_info.editable
    if not editable:
        return repacked(package, sources, reason="installed from a folder")
    folder = sources.files.source_tree(direct)
    if folder is None:
        return without_artefact(package, "its source folder is not there, or lies in an image")
    if sources.builder is None:
        return without_artefact(package, "its source folder is built into a wheel only online")
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="build-") as scratch:
        built = sources.builder.build_wheel(folder, Path(scratch))
        with room_for(f"{package.label}: {built.name}"):
            place = link_or_copy(built, sources.wheels / built.name)
    version = str(parse_wheel_filename(place.name)[1])
    if not is_same_version(version, package.version):
        return without_artefact(package, f"its source folder builds version {version} by now; install it anew")
    record = read_local_record(place)
    locked = entry(
        package,
        "repacked",
        wheel=kept(place),
        reason="built from the editable source folder",
        rebuilt=content_digest(record)[0],
    )
    locked = replace(locked, installed=replace(locked.installed, source_digest=source_digest(record)))
    tree = Directory(path=relative_to(folder, sources.project), editable=True)
    return as_source_tree(locked, package, directory=tree)
