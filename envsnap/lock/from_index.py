"""A distribution that came from an index -> the wheel there that has the installed files."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from envsnap.host.index_config import local_path
from envsnap.host.index_page import IndexFile
from envsnap.host.uv import Unsatisfiable, UvFile, UvPackage
from envsnap.host.wheel_file import BrokenWheelError, NoRangesError, WheelUnreadableError, read_local_record
from envsnap.inside.probe._probe_record import content_digest
from envsnap.lock.artefact_sources import Sources
from envsnap.lock.entry import artefact, entry, on_machine, source_archive
from envsnap.lock.made_here import repacked
from envsnap.lock.resolve import fits_exactly, fitting_wheels
from envsnap.manifest.package import Installed, Package

DOWNLOAD_LIMIT = 512 * 2**20
"""The largest wheel that is fetched only to prove it, from an index that gives no part of a file."""


class _Found(msgspec.Struct, frozen=True):
    """A wheel that has the installed files; ``proof`` is ``metadata`` where they were compared by METADATA alone."""

    wheel: UvFile
    proof: Literal["metadata"] | None = None


def lock_served(package: Installed, answer: UvPackage | Unsatisfiable, sources: Sources) -> Package:
    """Choose the wheel whose RECORD is the installed one; a wheel that only looks right is not taken.

    Raises:
        CaptureError: an index is down, answers nonsense, or serves another file than it announces.
    """
    served = answer if isinstance(answer, UvPackage) else UvPackage(name=package.name)
    unread: tuple[UvFile, str] | None = None
    problem = ""
    for wheel in _candidates(package, served, sources):
        path = _local(wheel)
        try:
            if path is not None:
                if _digest(read_local_record(path)) == package.content_digest:
                    return on_machine(package, path, sources.wheels)
            elif (found := _verify(package, wheel, sources)) is not None:
                return _pinned(package, found, served, sources)
        except BrokenWheelError as error:
            problem = problem or str(error)
        except WheelUnreadableError as error:
            if path is None and wheel.hashes.get("sha256"):
                unread = unread or (wheel, str(error))
        problem = problem or "no wheel on the configured indexes has the installed files"
    if unread is not None:
        inferred = entry(package, "index-inferred", reason=f"content not compared: {unread[1]}")
        return _of_index(inferred, unread[0], served, sources)
    sdist = served.sdist or _source(package, sources)
    nothing = "the index has no wheel" if sdist else "no configured index serves a wheel of this version"
    return repacked(package, sources, reason=problem or nothing, sdist=source_archive(sdist))


def _candidates(package: Installed, served: UvPackage, sources: Sources) -> Iterator[UvFile]:
    """Give the wheels that can be the installed one: those of the common answer, then what the indexes' pages list.

    A locker names the best wheel for the interpreter, of one index; the installed one can be another.
    """
    first = fitting_wheels(package, served.wheels)
    yield from first
    if sources.indexes is None:
        return
    tried = {mark for wheel in first for mark in _marks(wheel)}
    listed = (_as_listed(file) for file in sources.indexes.release(package))
    for wheel in fitting_wheels(package, listed):
        if not tried & _marks(wheel):
            tried |= _marks(wheel)
            yield wheel


def _marks(wheel: UvFile) -> set[str]:
    """Return what tells a file from others: two indexes can serve the same one."""
    return {mark for mark in (wheel.hashes.get("sha256"), wheel.url, wheel.path) if mark}


def _verify(package: Installed, wheel: UvFile, sources: Sources) -> _Found | None:
    """Compare a wheel with what is installed, fetching as little of it as its index allows; None where it differs.

    RECORD proves the wheel, whose parts an index gives for the asking. METADATA proves less, as the wheels of one
    release often share it: it counts only where the file's name fits exactly, and RECORD cannot be had for less than
    the whole file.
    """
    url, sha256 = wheel.url or "", wheel.hashes.get("sha256", "")
    if sources.records is None:
        raise WheelUnreadableError("its index cannot be read from here")
    if not sha256:
        return _verify_whole(package, wheel, sources)
    try:
        same = _digest(sources.records.read_record(url, sha256)) == package.content_digest
    except BrokenWheelError:
        raise
    except WheelUnreadableError as error:
        if _has_metadata(package, wheel, sources):
            return _Found(wheel, "metadata")
        if isinstance(error, NoRangesError):
            return _verify_whole(package, wheel, sources)
        raise
    return _Found(wheel) if same else None


def _verify_whole(package: Installed, wheel: UvFile, sources: Sources) -> _Found | None:
    """Fetch the wheel; an index that announced no hash has it from the file itself."""
    if sources.records is None or wheel.url is None:
        raise WheelUnreadableError("its index cannot be read from here")
    with tempfile.TemporaryDirectory(dir=sources.wheels.parent, prefix="fetch-") as folder:
        target = Path(folder) / wheel.filename
        announced = wheel.hashes.get("sha256", "")
        sha256 = sources.records.download(wheel.url, announced, target, limit=DOWNLOAD_LIMIT)
        same, size = _digest(read_local_record(target)) == package.content_digest, target.stat().st_size
    return _Found(replace(wheel, hashes={"sha256": sha256}, size=size)) if same else None


def _has_metadata(package: Installed, wheel: UvFile, sources: Sources) -> bool:
    if sources.indexes is None or not package.metadata_sha256 or not fits_exactly(package, wheel):
        return False
    announced = sources.indexes.announced(package.name, wheel)
    return announced is not None and announced.metadata_sha256 == package.metadata_sha256


def _pinned(package: Installed, found: _Found, served: UvPackage, sources: Sources) -> Package:
    locked = entry(package, "index-verified")
    proven = replace(locked, installed=replace(locked.installed, proof=found.proof))
    return _of_index(proven, found.wheel, served, sources)


def _of_index(locked: Package, wheel: UvFile, served: UvPackage, sources: Sources) -> Package:
    """Add the wheel and the index that serves it, and why the index withdrew the release, where it did."""
    indexes, yanked = sources.indexes, served.yanked
    index = indexes.holder(locked.name, wheel) if indexes is not None else None
    if indexes is not None and (indexes.several or not served.wheels):
        announced = indexes.announced(locked.name, wheel)
        yanked = announced.yanked if announced is not None else yanked
    record = replace(locked.installed, yanked=yanked)
    is_web = index is not None and index.startswith(("https://", "http://"))
    return replace(locked, wheels=(artefact(wheel),), index=index if is_web else None, installed=record)


def _source(package: Installed, sources: Sources) -> UvFile | None:
    files = sources.indexes.release(package) if sources.indexes is not None else ()
    return next((_as_listed(file) for file in files if not file.filename.endswith(".whl")), None)


def _as_listed(file: IndexFile) -> UvFile:
    try:
        time = datetime.fromisoformat(file.upload_time) if file.upload_time else None
    except ValueError:
        time = None
    return UvFile(hashes=file.hashes, url=file.url, size=file.size, upload_time=time)


def _local(wheel: UvFile) -> Path | None:
    place = wheel.path or wheel.url
    return local_path(place) if place else None


def _digest(record: str) -> str:
    return content_digest(record)[0]
