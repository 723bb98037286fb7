"""How the record of a package is completed: by the artefact that rebuilds it, and the evidence for that."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from envsnap.host.credentials import without_credentials
from envsnap.host.files import relative_to
from envsnap.host.index.file import IndexFile
from envsnap.lock.wheels import WheelFolder
from envsnap.manifest.package import Artefact, Directory, EditableSource, Evidence, Package, Vcs


def with_wheel(
    package: Package, evidence: Evidence, wheel: Artefact, *, reason: str = "", rebuilt: str | None = None
) -> Package:
    """Complete a package by its wheel.

    Args:
        package: as it was captured, or specified.
        evidence: how sure it is that the wheel is the right one.
        wheel: rebuilds it.
        reason: why it is not an index's.
        rebuilt: the digest of a wheel that has not the recorded contents.
    """
    record = replace(package.installed, evidence=evidence, reason=reason, rebuilt_digest=rebuilt)
    return replace(package, wheels=(wheel,), installed=record)


def without_artefact(package: Package, reason: str) -> Package:
    """Describe a package that cannot be rebuilt, and say why."""
    return replace(package, installed=replace(package.installed, evidence="none", reason=reason))


def as_checkout(package: Package, vcs: Vcs) -> Package:
    """Describe a package that was installed from version control."""
    return replace(_without_wheels(package), vcs=vcs)


def as_source_tree(package: Package, folder: Path, wheels: WheelFolder, *, editable: bool) -> Package:
    """Describe a package whose wheel was built from a source tree."""
    tree = Directory(path=relative_to(folder, wheels.project.absolute()), editable=editable)
    return replace(_without_wheels(package), directory=tree)


def as_own_code(package: Package, tree: str, source: EditableSource) -> Package:
    """Describe an editable installation of the project's own code, which lies in the folder ``tree``.

    Neither the digest of the installation nor a commit stands in its record: both name the place or the state of code,
    which the lock records once for all of it.
    """
    record = replace(
        package.installed,
        evidence="working-tree",
        content_digest="",
        reason=f"it is the project's own code: install it by 'pip install --no-deps --editable {tree}'",
        checkout=None,
        version=package.version,
        editable_source=source,
    )
    return Package(name=package.name, installed=record, directory=Directory(path=tree, editable=True))


def _without_wheels(package: Package) -> Package:
    """Move version and wheel into ``installed``: PEP 751 allows neither beside ``vcs`` or ``directory``."""
    record = replace(package.installed, version=package.version, wheel=package.wheel)
    return Package(name=package.name, installed=record)


def index_artefact(file: IndexFile) -> Artefact:
    """Describe a file of an index, with its SHA-256."""
    hashes, time = {"sha256": file.sha256}, _utc(file.upload_time)
    return Artefact(
        name=file.filename, url=without_credentials(file.url), hashes=hashes, size=file.size, upload_time=time
    )


def source_archive(sdist: IndexFile | None) -> Artefact | None:
    """Describe the sdist of an index; None for one without a hash, and for one on this machine alone."""
    return None if sdist is None or sdist.path or not sdist.sha256 else index_artefact(sdist)


def _utc(text: str | None) -> str | None:
    """Spell a time in UTC, to the second: lockers differ in what follows."""
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time is not None and time.tzinfo else None
