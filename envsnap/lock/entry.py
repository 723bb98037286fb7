"""How a locked package is written down: the artefact, the evidence for it, and how it was found installed."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from envsnap.host.credentials import without_credentials
from envsnap.host.files import link_or_copy, room_for, sha256_file
from envsnap.host.index_config import local_path
from envsnap.host.uv import UvFile
from envsnap.lock.provenance import parse_provenance
from envsnap.manifest.package import Artefact, Directory, Evidence, Installed, InstalledRecord, Package, Vcs

CONTEXT_WHEELS = ".envsnap/wheels"
"""Where wheels that no index serves are kept, relative to the lock; PEP 751 ``path`` is relative too."""


def without_artefact(package: Installed, reason: str) -> Package:
    """Describe a package that cannot be rebuilt, and say why."""
    return entry(package, "none", reason=reason)


def entry(
    package: Installed,
    evidence: Evidence,
    *,
    wheel: Artefact | None = None,
    sdist: Artefact | None = None,
    reason: str = "",
    rebuilt: str | None = None,
) -> Package:
    """Describe a package with its artefact; ``rebuilt`` is the digest of a wheel that has not the installed files."""
    record = InstalledRecord(
        tags=package.tags,
        evidence=evidence,
        content_digest=package.content_digest,
        location=package.location,
        installer=package.installer,
        requested=package.requested,
        build=package.build,
        rebuilt_digest=rebuilt,
        reason=reason,
        origin=package.origin,
        owner=package.owner,
        owner_package=package.owner_package or None,
        editable=package.editable or None,
        checkout=package.checkout,
        provenance=parse_provenance(package.provenance_url),
        sboms=package.sboms or None,
    )
    wheels = (wheel,) if wheel else ()
    return Package(name=package.name, version=package.version or None, wheels=wheels, sdist=sdist, installed=record)


def as_source_tree(
    locked: Package, package: Installed, *, vcs: Vcs | None = None, directory: Directory | None = None
) -> Package:
    """Move version and wheel into ``installed``: PEP 751 allows neither beside ``vcs`` or ``directory``."""
    record = replace(locked.installed, version=package.version, wheel=locked.wheel)
    return Package(name=locked.name, installed=record, vcs=vcs, directory=directory)


def artefact(file: UvFile) -> Artefact:
    """Describe a file of an index."""
    url = without_credentials(file.url) if file.url else None
    hashes = {"sha256": file.hashes["sha256"]}
    return Artefact(name=file.filename, url=url, hashes=hashes, size=file.size, upload_time=_time(file.upload_time))


def source_archive(sdist: UvFile | None) -> Artefact | None:
    """Describe the sdist of an index; None for one without a hash, and for one on this machine alone."""
    if sdist is None or sdist.url is None or local_path(sdist.url) or "sha256" not in sdist.hashes:
        return None
    return artefact(sdist)


def kept(wheel: Path) -> Artefact:
    """Describe a wheel that is kept beside the lock."""
    digest, size = sha256_file(wheel)
    return Artefact(name=wheel.name, path=f"{CONTEXT_WHEELS}/{wheel.name}", hashes={"sha256": digest}, size=size)


def on_machine(package: Installed, wheel: Path, wheels: Path) -> Package:
    """Keep a wheel of this machine in the folder ``wheels``, and describe the package that was installed from it."""
    with room_for(f"{package.label}: the wheel {wheel.name}"):
        place = link_or_copy(wheel, wheels / wheel.name)
    return entry(package, "local-file", wheel=kept(place))


def _time(value: datetime | None) -> str | None:
    """Spell a time in UTC, to the second: lockers differ in what follows."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None and value.tzinfo else None
