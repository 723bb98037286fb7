"""A distribution that came from an index -> the wheel there that has the installed files."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from envsnap.errors import BrokenWheelError, CaptureError, NoRangesError, WheelUnreadableError
from envsnap.host.files import sha256_file
from envsnap.host.index.file import IndexFile, Release
from envsnap.host.index.wheel import check_announced, download, read_remote_record
from envsnap.lock.artefacts import index_artefact, source_archive, with_wheel
from envsnap.lock.indexes import Indexes
from envsnap.lock.made_here import WheelMaker
from envsnap.lock.wheel_fit import fits_exactly, fitting_wheels, may_fit
from envsnap.lock.wheels import digest_of, wheel_digest
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Package

READERS = 8
DOWNLOAD_LIMIT = 512 * 2**20
"""The largest wheel that is fetched only to prove it, from an index that gives no part of a file."""


def lock_by_pages(
    packages: Sequence[InstalledPackage], indexes: Indexes, maker: WheelMaker
) -> tuple[dict[str, Package], bool]:
    """Prove packages by the indexes' own pages: less work than to ask uv first, and no less sure.

    uv reads the same pages to choose the best file of a release. Which one was installed, its contents alone tell.
    Where a page cannot be read no other is asked for, and nothing is said: uv is asked about the rest, and tells why.

    Returns:
        The proven packages, by name, and whether all was read that can list a file of the others.
    """
    given_up = threading.Event()

    def lock(package: InstalledPackage) -> Package | None:
        if given_up.is_set():
            return None
        try:
            return _lock_by_page(package, indexes, maker)
        except CaptureError:
            given_up.set()
            return None

    with ThreadPoolExecutor(max_workers=READERS) as pool:
        found = tuple(zip(packages, pool.map(lock, packages), strict=True))
    proven = {package.name: locked for package, locked in found if locked is not None}
    return proven, indexes.alone and not given_up.is_set()


def _lock_by_page(package: InstalledPackage, indexes: Indexes, maker: WheelMaker) -> Package | None:
    for page in indexes.read(package.name):
        for wheel in fitting_wheels(package, filter(may_fit(package), page.files)):
            with contextlib.suppress(WheelUnreadableError):
                if (locked := _prove(package, wheel, indexes, maker)) is not None:
                    return locked
    return None


def lock_served(package: InstalledPackage, release: Release, indexes: Indexes, maker: WheelMaker) -> Package:
    """Choose the wheel whose RECORD is the installed one; a wheel that only looks right is not taken.

    Args:
        package: the distribution.
        release: the files that a locker named; none where it was not asked, or refused.
        indexes: read beside these.
        maker: packs what no wheel there has.

    Raises:
        CaptureError: an index is down, answers nonsense, or serves another file than it announces.
    """
    unread: tuple[IndexFile, str] | None = None
    problem = ""
    for wheel in _candidates(package, release, indexes):
        try:
            if (locked := _prove(package, wheel, indexes, maker)) is not None:
                return locked
        except BrokenWheelError as error:
            problem = problem or str(error)
        except WheelUnreadableError as error:
            if wheel.path is None and wheel.sha256:
                unread = unread or (wheel, str(error))
        problem = problem or "no wheel on the configured indexes has the installed files"
    if unread is not None:
        wheel, why = unread
        artefact, reason = index_artefact(wheel), f"content not compared: {why}"
        return indexes.pin(with_wheel(package.package, "index-inferred", artefact, reason=reason), wheel)
    sdist = release.sdist or _source(package, indexes, maker)
    nothing = "the index has no wheel" if sdist else "no configured index serves a wheel of this version"
    return maker.repack(package, problem or nothing, sdist=source_archive(sdist))


def _candidates(package: InstalledPackage, release: Release, indexes: Indexes) -> Iterator[IndexFile]:
    """Give the wheels that can be the installed one: those of the locker's answer, then what the indexes' pages list.

    A locker names the best wheel for the interpreter, of one index; the installed one can be another.
    """
    first = fitting_wheels(package, release.wheels)
    yield from first
    tried = {mark for wheel in first for mark in _marks(wheel)}
    for wheel in fitting_wheels(package, indexes.release(package.package)):
        if not tried & _marks(wheel):
            tried |= _marks(wheel)
            yield wheel


def _marks(wheel: IndexFile) -> set[str]:
    """Return what tells a file from others: two indexes can serve the same one."""
    return {mark for mark in (wheel.sha256, wheel.url) if mark}


def _prove(package: InstalledPackage, wheel: IndexFile, indexes: Indexes, maker: WheelMaker) -> Package | None:
    """Lock the package to this wheel; None where the wheel has not the installed files.

    RECORD proves the wheel, whose parts an index gives for the asking. METADATA proves less, as the wheels of one
    release often share it: it counts only where the file's name fits exactly, and RECORD cannot be had for less than
    the whole file.
    """
    if wheel.path is not None:
        is_it = wheel_digest(wheel.path) == package.record.content_digest
        return maker.keep(package, wheel.path) if is_it else None
    if not wheel.sha256:
        return _prove_whole(package, wheel, indexes, maker)
    try:
        is_it = digest_of(read_remote_record(indexes.http, wheel.url, wheel.sha256)) == package.record.content_digest
        return _verified(package, wheel, indexes) if is_it else None
    except BrokenWheelError:
        raise
    except WheelUnreadableError as error:
        if _has_metadata(package, wheel, indexes):
            return _verified(package, wheel, indexes, proof="metadata")
        if isinstance(error, NoRangesError):
            return _prove_whole(package, wheel, indexes, maker)
        raise


def _prove_whole(package: InstalledPackage, wheel: IndexFile, indexes: Indexes, maker: WheelMaker) -> Package | None:
    """Fetch the wheel; an index that announced no hash has it from the file itself."""
    with _fetched(wheel, indexes, maker) as (path, hashed):
        is_it = wheel_digest(path) == package.record.content_digest
        return _verified(package, hashed, indexes) if is_it else None


@contextlib.contextmanager
def _fetched(file: IndexFile, indexes: Indexes, maker: WheelMaker) -> Iterator[tuple[Path, IndexFile]]:
    """Give a copy of a file for a while, and what is known of the file then: its hash and its size.

    Raises:
        WheelUnreadableError: it cannot be had, or is too large.
        LyingIndexError: it is not the announced one.
    """
    with maker.wheels.scratch("fetch") as folder:
        target = Path(folder) / file.filename
        download(indexes.http, file.url, target, limit=DOWNLOAD_LIMIT)
        digest, size = sha256_file(target)
        check_announced(file.filename, file.sha256 or digest, digest)
        yield target, replace(file, hashes={"sha256": digest}, size=size)


def _has_metadata(package: InstalledPackage, wheel: IndexFile, indexes: Indexes) -> bool:
    if not package.metadata_sha256 or not fits_exactly(package, wheel):
        return False
    announced = indexes.announced(package.name, wheel)
    return announced is not None and announced.metadata_sha256 == package.metadata_sha256


def _verified(
    package: InstalledPackage, wheel: IndexFile, indexes: Indexes, *, proof: Literal["metadata"] | None = None
) -> Package:
    locked = with_wheel(package.package, "index-verified", index_artefact(wheel))
    return indexes.pin(replace(locked, installed=replace(locked.installed, proof=proof)), wheel)


def _source(package: InstalledPackage, indexes: Indexes, maker: WheelMaker) -> IndexFile | None:
    """Return the source archive of a release, with its hash; None where there is none, or none that can be fetched."""
    found = next((file for file in indexes.release(package.package) if not file.filename.endswith(".whl")), None)
    if found is None or found.sha256 or found.path:
        return found
    try:
        with _fetched(found, indexes, maker) as (_, hashed):
            return hashed
    except WheelUnreadableError:
        return None
