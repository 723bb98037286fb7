"""Every installed distribution -> the exact artefact that was installed, with its hash and how sure that is."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace
from packaging.utils import parse_wheel_filename

from envsnap.errors import CaptureError
from envsnap.host.files import link_or_copy, relative_to, sha256_file
from envsnap.host.index_config import local_path, without_credentials
from envsnap.host.uv import TargetPython, Unsatisfiable, UvFile, UvPackage
from envsnap.host.wheel_file import WheelUnreadableError, read_local_record
from envsnap.inside.probe._probe_record import content_digest
from envsnap.lock.direct_url import DirectUrl, parse_direct_url
from envsnap.lock.files import InstalledFiles
from envsnap.lock.memo import Memo
from envsnap.lock.provenance import parse_provenance
from envsnap.lock.repack import repack
from envsnap.lock.resolve import Locker, fitting_wheels, is_same_version, is_version, resolve
from envsnap.lock.sources import WheelBuilder, source_digest
from envsnap.manifest.package import Artefact, Directory, Evidence, Installed, InstalledRecord, Package, Vcs

THREADS = 16
CONTEXT_WHEELS = ".envsnap/wheels"
"""Where wheels that no index serves are kept, relative to the lock; PEP 751 ``path`` is relative too."""


class RecordReader(Protocol):
    """Whoever reads RECORD out of a wheel on an index."""

    def read_record(self, url: str) -> str:
        """Return RECORD's text, or raise WheelUnreadableError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where artefacts come from.

    Args:
        python: the captured interpreter, or what stands for one that is not on this machine.
        files: makes installed files readable.
        project: folder of the lock.
        wheels: folder for wheels that no index serves.
        locker: resolves versions to files; None offline.
        alternatives: lockers that ask one index each, for what the first one's answer does not explain.
        records: reads wheels on indexes; None offline.
        builder: builds source trees; None offline.
        memo: what earlier freezes proved.
    """

    python: Path | TargetPython
    files: InstalledFiles
    project: Path
    wheels: Path
    locker: Locker | None
    alternatives: tuple[Locker, ...]
    records: RecordReader | None
    builder: WheelBuilder | None
    memo: Memo


def lock_packages(installed: Sequence[Installed], sources: Sources) -> tuple[Package, ...]:
    """Lock every distribution to its artefact, in order of name.

    Raises:
        CaptureError: the indexes could not be asked, or a wheel cannot be made from what is installed.
    """
    known = {package.name: sources.memo.find(package) for package in installed}
    asked = [package for package in installed if known[package.name] is None]
    sources.wheels.mkdir(parents=True, exist_ok=True)
    served = _ask([package for package in asked if _comes_from_index(package)], sources)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        locked = list(pool.map(lambda package: _lock(package, served.get(package.name), sources), asked))
    pairs = list(zip(asked, locked, strict=True))
    sources.memo.remember(pairs)
    found = {package.name: entry for package, entry in pairs}
    entries = (known[package.name] or found[package.name] for package in installed)
    return tuple(sorted(entries, key=lambda entry: entry.name))


def describe_unlocked(installed: Sequence[Installed]) -> tuple[Package, ...]:
    """Describe every distribution without looking for its artefact, in order of name; nothing is read or written."""
    return tuple(sorted((_describe_unlocked(package) for package in installed), key=lambda entry: entry.name))


def _describe_unlocked(package: Installed) -> Package:
    entry, direct = _without_artefact(package, "not looked for"), parse_direct_url(package.direct_url)
    return _as_source_tree(entry, package, vcs=direct.vcs) if direct is not None and direct.vcs is not None else entry


def _comes_from_index(package: Installed) -> bool:
    return not (package.conda or _problem(package) or parse_direct_url(package.direct_url))


def _problem(package: Installed) -> str:
    """Say why nothing can be asked or made for a package; "" where something can."""
    if package.problem or is_version(package.version):
        return package.problem
    return f"its version {package.version!r} is none that installers accept; install a release with a PEP 440 version"


def _ask(packages: Sequence[Installed], sources: Sources) -> dict[str, UvPackage | Unsatisfiable]:
    if sources.locker is None:
        return {}
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="lock-") as folder:
        return dict(resolve(packages, sources.locker, python=sources.python, folder=Path(folder)))


def _lock(package: Installed, served: UvPackage | Unsatisfiable | None, sources: Sources) -> Package:
    if package.conda:
        return _without_artefact(package, "conda owns it; the conda record pins it")
    if _problem(package):
        return _without_artefact(package, _problem(package))
    direct = parse_direct_url(package.direct_url)
    if direct is not None:
        return _lock_direct(package, direct, sources)
    if isinstance(served, UvPackage):
        return _lock_served(package, served, sources)
    if served is None:
        return _without_artefact(package, "frozen offline, and no earlier freeze had found its artefact")
    return _repacked(package, sources, reason="no configured index serves a wheel of this version")


def _lock_served(package: Installed, served: UvPackage, sources: Sources) -> Package:
    """Choose the wheel whose RECORD is the installed one; a wheel that only looks right is not taken."""
    unread: tuple[Artefact, str] | None = None
    for wheel in _candidates(package, served, sources):
        path = _local(wheel)
        try:
            digest, _ = content_digest(read_local_record(path) if path else _remote_record(wheel, sources))
        except WheelUnreadableError as error:
            unread = unread or ((_artefact(wheel), str(error)) if path is None else None)
            continue
        if digest == package.content_digest:
            return (
                _on_machine(package, path, sources)
                if path
                else _entry(package, "index-verified", wheel=_artefact(wheel))
            )
    if unread is not None:
        return _entry(package, "index-inferred", wheel=unread[0], reason=f"content not compared: {unread[1]}")
    reason = "no wheel on the configured indexes has the installed files" if served.wheels else "the index has no wheel"
    return _repacked(package, sources, reason=reason, sdist=_sdist(served))


def _candidates(package: Installed, served: UvPackage, sources: Sources) -> Iterator[UvFile]:
    """Give the wheels that can be the installed one: those of the common answer, then each index's own."""
    tried: set[str] = set()
    for answer in chain((served,), _each_index(package, sources)):
        wheels = (wheel for wheel in answer.wheels if wheel.hashes.get("sha256", "") not in {"", *tried})
        for wheel in fitting_wheels(package, wheels):
            tried.add(wheel.hashes["sha256"])
            yield wheel


def _each_index(package: Installed, sources: Sources) -> Iterator[UvPackage]:
    for locker in sources.alternatives:
        with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="lock-") as folder:
            answers = resolve([package], locker, python=sources.python, folder=Path(folder))
        yield from (answer for answer in answers.values() if isinstance(answer, UvPackage))


def _lock_direct(package: Installed, direct: DirectUrl, sources: Sources) -> Package:
    if direct.dir_info is not None:
        return _lock_tree(package, direct, sources)
    if direct.vcs is not None:
        entry = _repacked(package, sources, reason="installed from version control")
        return _as_source_tree(entry, package, vcs=direct.vcs)
    path = local_path(direct.url)
    if path is not None and path.suffix == ".whl" and _holds(path, package.content_digest):
        return _on_machine(package, path, sources)
    sha256 = direct.archive_info.sha256 if direct.archive_info else ""
    if direct.url.startswith("https://") and direct.url.partition("#")[0].endswith(".whl") and sha256:
        file = UvFile(hashes={"sha256": sha256}, url=direct.url.partition("#")[0])
        if "@" not in direct.url.split("/")[2]:
            return _entry(package, "direct-url", wheel=_artefact(file))
    return _repacked(package, sources, reason="the file that it was installed from is not there any more")


def _lock_tree(package: Installed, direct: DirectUrl, sources: Sources) -> Package:
    """Lock a source tree: an editable one is built into a wheel, an installed one repacked."""
    editable = direct.dir_info is not None and direct.dir_info.editable
    if not editable:
        return _repacked(package, sources, reason="installed from a folder")
    folder = sources.files.source_tree(direct)
    if folder is None:
        return _without_artefact(package, "its source folder is not there, or lies in an image")
    if sources.builder is None:
        return _without_artefact(package, "its source folder is built into a wheel only online")
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="build-") as scratch:
        built = sources.builder.build_wheel(folder, Path(scratch))
        kept = link_or_copy(built, sources.wheels / built.name)
    version = str(parse_wheel_filename(kept.name)[1])
    if not is_same_version(version, package.version):
        return _without_artefact(package, f"its source folder builds version {version} by now; install it anew")
    record = read_local_record(kept)
    entry = _entry(
        package,
        "repacked",
        wheel=_kept(kept),
        reason="built from the editable source folder",
        rebuilt=content_digest(record)[0],
    )
    entry = replace(entry, installed=replace(entry.installed, source_digest=source_digest(record)))
    tree = Directory(path=relative_to(folder, sources.project), editable=True)
    return _as_source_tree(entry, package, directory=tree)


def _remote_record(wheel: UvFile, sources: Sources) -> str:
    if sources.records is None or wheel.url is None:
        raise WheelUnreadableError("its index cannot be read from here")
    return sources.records.read_record(wheel.url)


def _local(wheel: UvFile) -> Path | None:
    place = wheel.path or wheel.url
    return local_path(place) if place else None


def _on_machine(package: Installed, wheel: Path, sources: Sources) -> Package:
    kept = link_or_copy(wheel, sources.wheels / wheel.name)
    return _entry(package, "local-file", wheel=_kept(kept))


def _repacked(package: Installed, sources: Sources, *, reason: str, sdist: Artefact | None = None) -> Package:
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="repack-") as scratch:
        try:
            readable = sources.files.bring(package, Path(scratch))
            made = repack(readable.package, prefix=readable.prefix, target=Path(scratch))
        except CaptureError as error:
            return _without_artefact(package, str(error))
        kept = sources.wheels / made.name
        shutil.move(made, kept)
    digest = _record_digest(kept)
    rebuilt = digest if digest != package.content_digest else None
    if rebuilt:
        reason += "; its files are not those that its RECORD lists: they were changed after the installation"
    return _entry(package, "repacked", wheel=_kept(kept), sdist=sdist, reason=reason, rebuilt=rebuilt)


def _without_artefact(package: Installed, reason: str) -> Package:
    return _entry(package, "none", reason=reason)


def _entry(
    package: Installed,
    evidence: Evidence,
    *,
    wheel: Artefact | None = None,
    sdist: Artefact | None = None,
    reason: str = "",
    rebuilt: str | None = None,
) -> Package:
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


def _as_source_tree(
    entry: Package, package: Installed, *, vcs: Vcs | None = None, directory: Directory | None = None
) -> Package:
    """Move version and wheel into ``installed``: PEP 751 allows neither beside ``vcs`` or ``directory``."""
    record = msgspec.structs.replace(entry.installed, version=package.version, wheel=entry.wheel)
    return Package(name=entry.name, installed=record, vcs=vcs, directory=directory)


def _artefact(file: UvFile) -> Artefact:
    url = without_credentials(file.url) if file.url else None
    return Artefact(name=file.filename, url=url, hashes={"sha256": file.hashes["sha256"]}, size=file.size)


def _sdist(served: UvPackage) -> Artefact | None:
    sdist = served.sdist
    if sdist is None or sdist.url is None or local_path(sdist.url) or "sha256" not in sdist.hashes:
        return None
    return _artefact(sdist)


def _holds(wheel: Path, content: str) -> bool:
    try:
        return _record_digest(wheel) == content
    except WheelUnreadableError:
        return False


def _record_digest(wheel: Path) -> str:
    return content_digest(read_local_record(wheel))[0]


def _kept(wheel: Path) -> Artefact:
    digest, size = sha256_file(wheel)
    return Artefact(name=wheel.name, path=f"{CONTEXT_WHEELS}/{wheel.name}", hashes={"sha256": digest}, size=size)
