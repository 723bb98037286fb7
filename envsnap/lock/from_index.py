"""A distribution that came from an index -> the wheel there that has the installed files."""

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from envsnap.errors import BrokenWheelError, NoRangesError, UnsatisfiableError, WheelUnreadableError
from envsnap.host.files import sha256_file
from envsnap.host.index.config import local_path
from envsnap.host.index.page import IndexFile
from envsnap.host.index.uv import UvFile, UvPackage
from envsnap.host.index.wheel import read_local_record
from envsnap.inside.probe.record import content_digest
from envsnap.lock.artefact_sources import Remote, Sources
from envsnap.lock.entry import artefact, entry, on_machine, source_archive
from envsnap.lock.made_here import repacked
from envsnap.lock.resolve import fits_exactly, fitting_wheels, may_fit
from envsnap.manifest.package import Installed, Package

DOWNLOAD_LIMIT = 512 * 2**20
"""The largest wheel that is fetched only to prove it, from an index that gives no part of a file."""


class _Found(msgspec.Struct, frozen=True):
    """A wheel that has the installed files; ``proof`` is ``metadata`` where they were compared by METADATA alone."""

    wheel: UvFile
    proof: Literal["metadata"] | None = None


def lock_served(package: Installed, answer: UvPackage | UnsatisfiableError, sources: Sources) -> Package:
    """Choose the wheel whose RECORD is the installed one; a wheel that only looks right is not taken.

    Raises:
        CaptureError: an index is down, answers nonsense, or serves another file than it announces.
    """
    served = answer if isinstance(answer, UvPackage) else UvPackage(name=package.name)
    unread: tuple[UvFile, str] | None = None
    problem = ""
    for wheel in _candidates(package, served, sources):
        try:
            if (locked := _prove(package, wheel, served, sources.remote)) is not None:
                return locked
        except BrokenWheelError as error:
            problem = problem or str(error)
        except WheelUnreadableError as error:
            if _local(wheel) is None and wheel.hashes.get("sha256"):
                unread = unread or (wheel, str(error))
        problem = problem or "no wheel on the configured indexes has the installed files"
    if unread is not None:
        inferred = entry(package, "index-inferred", reason=f"content not compared: {unread[1]}")
        return _of_index(inferred, unread[0], served, sources.remote)
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


def lock_listed(package: Installed, remote: Remote) -> Package | None:
    """Find the installed wheel by the indexes' own pages alone; None where they do not settle it.

    Raises:
        CaptureError: an index is down, answers nonsense, or serves another file than it announces.
    """
    if remote.indexes is None:
        return None
    for served in remote.indexes.read(package.name):
        listed = {file.url: file for file in served.page.select(may_fit(package))}
        for wheel in fitting_wheels(package, map(_as_listed, listed.values())):
            answer = UvPackage(name=package.name, wheels=(wheel,), yanked=listed[wheel.url or ""].yanked)
            with contextlib.suppress(WheelUnreadableError):
                if (locked := _prove(package, wheel, answer, remote)) is not None:
                    return locked
    return None


def _marks(wheel: UvFile) -> set[str]:
    """Return what tells a file from others: two indexes can serve the same one."""
    return {mark for mark in (wheel.hashes.get("sha256"), wheel.url, wheel.path) if mark}


def _prove(package: Installed, wheel: UvFile, served: UvPackage, remote: Remote) -> Package | None:
    """Lock the package to this wheel; None where the wheel has not the installed files."""
    path = _local(wheel)
    if path is not None:
        is_it = _digest(read_local_record(path)) == package.content_digest
        return on_machine(package, path, remote.wheels) if is_it else None
    found = _verify(package, wheel, remote)
    return _pinned(package, found, served, remote) if found is not None else None


def _verify(package: Installed, wheel: UvFile, remote: Remote) -> _Found | None:
    """Compare a wheel with what is installed, fetching as little of it as its index allows; None where it differs.

    RECORD proves the wheel, whose parts an index gives for the asking. METADATA proves less, as the wheels of one
    release often share it: it counts only where the file's name fits exactly, and RECORD cannot be had for less than
    the whole file.
    """
    url, sha256 = wheel.url or "", wheel.hashes.get("sha256", "")
    if remote.records is None:
        raise WheelUnreadableError("its index cannot be read from here")
    if not sha256:
        return _verify_whole(package, wheel, remote)
    try:
        same = _digest(remote.records.read_record(url, sha256)) == package.content_digest
    except BrokenWheelError:
        raise
    except WheelUnreadableError as error:
        if _has_metadata(package, wheel, remote):
            return _Found(wheel, "metadata")
        if isinstance(error, NoRangesError):
            return _verify_whole(package, wheel, remote)
        raise
    return _Found(wheel) if same else None


def _verify_whole(package: Installed, wheel: UvFile, remote: Remote) -> _Found | None:
    """Fetch the wheel; an index that announced no hash has it from the file itself."""
    with _fetched(wheel, remote) as path:
        same, size = _digest(read_local_record(path)) == package.content_digest, path.stat().st_size
        return _Found(replace(wheel, hashes={"sha256": sha256_file(path)[0]}, size=size)) if same else None


@contextlib.contextmanager
def _fetched(file: UvFile, remote: Remote) -> Iterator[Path]:
    """Give a copy of a file for a while.

    Raises:
        WheelUnreadableError: it cannot be had, or is too large.
        LyingIndexError: it is not the announced one.
    """
    if remote.records is None or file.url is None:
        raise WheelUnreadableError("its index cannot be read from here")
    with tempfile.TemporaryDirectory(dir=remote.wheels.parent, prefix="fetch-") as folder:
        target = Path(folder) / file.filename
        remote.records.download(file.url, file.hashes.get("sha256", ""), target, limit=DOWNLOAD_LIMIT)
        yield target


def _has_metadata(package: Installed, wheel: UvFile, remote: Remote) -> bool:
    if remote.indexes is None or not package.metadata_sha256 or not fits_exactly(package, wheel):
        return False
    announced = remote.indexes.announced(package.name, wheel)
    return announced is not None and announced.metadata_sha256 == package.metadata_sha256


def _pinned(package: Installed, found: _Found, served: UvPackage, remote: Remote) -> Package:
    locked = entry(package, "index-verified")
    proven = replace(locked, installed=replace(locked.installed, proof=found.proof))
    return _of_index(proven, found.wheel, served, remote)


def _of_index(locked: Package, wheel: UvFile, served: UvPackage, remote: Remote) -> Package:
    """Add the wheel and the index that serves it, and why the index withdrew the release, where it did."""
    indexes, yanked = remote.indexes, served.yanked
    index = indexes.holder(locked.name, wheel) if indexes is not None else None
    if indexes is not None and (indexes.several or not served.wheels):
        announced = indexes.announced(locked.name, wheel)
        yanked = announced.yanked if announced is not None else yanked
    record = replace(locked.installed, yanked=yanked)
    is_web = index is not None and index.startswith(("https://", "http://"))
    return replace(locked, wheels=(artefact(wheel),), index=index if is_web else None, installed=record)


def _source(package: Installed, sources: Sources) -> UvFile | None:
    """Return the source archive of a release, with its hash; None where there is none, or none that can be fetched."""
    files = sources.indexes.release(package) if sources.indexes is not None else ()
    found = next((_as_listed(file) for file in files if not file.filename.endswith(".whl")), None)
    if found is None or "sha256" in found.hashes or _local(found):
        return found
    try:
        with _fetched(found, sources.remote) as path:
            return replace(found, hashes={"sha256": sha256_file(path)[0]}, size=path.stat().st_size)
    except WheelUnreadableError:
        return None


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
