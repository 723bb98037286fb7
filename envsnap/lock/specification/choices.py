"""Chosen artefacts -> the packages of a lock: each with the content digest that its wheel will show once installed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsnap.errors import CaptureError, WheelUnreadableError
from envsnap.host.credentials import without_credentials
from envsnap.host.files import sha256_file
from envsnap.host.index.config import is_remote
from envsnap.host.index.file import IndexFile
from envsnap.host.index.wheel import read_remote_record
from envsnap.lock.artefacts import as_source_tree, with_wheel, without_artefact
from envsnap.lock.indexes import Indexes, ask_about
from envsnap.lock.locked_packages import LockedPackages, in_order
from envsnap.lock.source_trees import build_tree
from envsnap.lock.specification.pylock import Choice
from envsnap.lock.wheels import WheelFolder, digest_of, wheel_digest
from envsnap.manifest.package import Artefact, InstalledRecord, Package

THREADS = 16
INDEXED = frozenset(["index-verified", "index-inferred"])
KNOWN_HASHES = frozenset({"sha256", "sha384", "sha512"})
NOT_BUILT = "the specification resolves to {source}, and envsnap builds none: build its wheel, and name that one"


def lock_choices(
    choices: Sequence[Choice], wheels: WheelFolder, indexes: Indexes | None, *, location: str
) -> tuple[Package, ...]:
    """Lock every choice, in order of name; wheels on indexes are looked into at the same time.

    Args:
        choices: the artefacts that fit.
        wheels: keeps and builds those that no index serves.
        indexes: read the others; None offline.
        location: of the packages, as the manifest spells it.

    Raises:
        CaptureError: a file on this machine is not the one that the specification names, has no hash, or cannot be
            built.
    """
    wheels.path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        locked = pool.map(lambda choice: _lock(choice, _describe(choice, location), wheels, indexes), choices)
        return tuple(sorted(locked, key=lambda package: package.name))


def _describe(choice: Choice, location: str) -> Package:
    """Describe the package as it will be found installed."""
    record = InstalledRecord(
        tags=(),
        evidence="none",
        content_digest="",
        location=location,
        requested=choice.requested,
        origin="site-packages",
        yanked=choice.yanked,
    )
    index = without_credentials(choice.index) if choice.index and is_remote(choice.index) else None
    return Package(name=choice.name, version=choice.version, index=index, sdist=_sdist(choice), installed=record)


def _lock(choice: Choice, package: Package, wheels: WheelFolder, indexes: Indexes | None) -> Package:
    if choice.directory is not None:
        return _from_tree(choice, package, choice.directory, wheels)
    if choice.wheel is None:
        reason = NOT_BUILT.format(source=choice.source)
        if choice.version is None:
            raise CaptureError(f"{choice.name}: {reason}")
        return without_artefact(package, reason)
    if choice.wheel.path is not None:
        return _from_file(choice, package, choice.wheel, choice.wheel.path, wheels)
    return _from_index(choice, package, choice.wheel, indexes)


def _from_index(choice: Choice, package: Package, file: IndexFile, indexes: Indexes | None) -> Package:
    wheel = _artefact(choice, file)
    digest, problem = _remote_digest(file, indexes)
    described = _with_contents(package, choice, wheel, digest)
    if problem and choice.is_direct:
        raise CaptureError(f"{choice.name}: the wheel at {wheel.url} cannot be looked into: {problem}")
    if problem:
        reason = f"its RECORD could not be read, so a rebuilt one is compared by version: {problem}"
        return with_wheel(described, "index-inferred", wheel, reason=reason)
    return with_wheel(described, "direct-url" if choice.is_direct else "index-verified", wheel)


def _remote_digest(file: IndexFile, indexes: Indexes | None) -> tuple[str, str]:
    """Return the content digest of a wheel on an index, or why it cannot be read."""
    if indexes is None:
        return "", "frozen offline"
    try:
        return digest_of(read_remote_record(indexes.http, file.url, file.sha256)), ""
    except WheelUnreadableError as error:
        return "", str(error)


def _from_file(choice: Choice, package: Package, file: IndexFile, path: Path, wheels: WheelFolder) -> Package:
    """Keep a wheel of this machine beside the lock: no other machine can ask this machine's folder."""
    if not path.is_file():
        raise CaptureError(f"{choice.name}: the specification names {path}, which is not there")
    sha256, _ = sha256_file(path)
    if file.hashes.get("sha256", sha256) != sha256:
        raise CaptureError(
            f"{choice.name}: {path} has sha256 {sha256[:12]}…, and the specification says "
            f"{file.hashes['sha256'][:12]}…: it is another file"
        )
    wheel = wheels.keep(path, choice.name)
    return with_wheel(_with_contents(package, choice, wheel, wheel_digest(path)), "local-file", wheel)


def _from_tree(choice: Choice, package: Package, folder: Path, wheels: WheelFolder) -> Package:
    """Build the wheel of a source tree that the specification names, as for one that is installed editable."""
    if wheels.build is not None and not folder.is_dir():
        raise CaptureError(f"{choice.name}: the specification names the source folder {folder}, which is not there")
    built = build_tree(folder, wheels, choice.name)
    described = _with_contents(package, choice, built.wheel, built.content_digest)
    record = replace(described.installed, source_digest=built.source_digest, editable=choice.editable or None)
    described = replace(described, version=built.version, installed=record)
    locked = with_wheel(described, "repacked", built.wheel, reason="built from the source folder")
    return as_source_tree(locked, folder, wheels, editable=choice.editable)


def _with_contents(package: Package, choice: Choice, wheel: Artefact, digest: str) -> Package:
    """Add what the wheel's name and its RECORD tell."""
    tags, build = _parse_name(choice, wheel)
    return replace(package, installed=replace(package.installed, tags=tags, build=build, content_digest=digest))


def _parse_name(choice: Choice, wheel: Artefact) -> tuple[tuple[str, ...], str]:
    """Return the tags and the build that the file's name tells: those of WHEEL, unless a tool renamed the file."""
    try:
        name, version, build, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise CaptureError(f"{choice.name}: {wheel.name!r} is no wheel's name: {error}") from error
    if name != choice.name or (choice.version is not None and str(version) != choice.version):
        raise CaptureError(
            f"{choice.name} {choice.version or ''}: the specification names {wheel.name}, a wheel of another package"
        )
    return tuple(sorted(map(str, tags))), "".join(map(str, build))


def _sdist(choice: Choice) -> Artefact | None:
    """Describe the source archive of the same version; None for one without a hash, or on this machine alone."""
    sdist = choice.sdist
    return None if sdist is None or sdist.path or not _known(sdist) else _artefact(choice, sdist)


def _artefact(choice: Choice, file: IndexFile) -> Artefact:
    hashes = _known(file)
    if not hashes:
        raise CaptureError(
            f"{choice.name}: {file.filename} has no hash that installers accept (sha256, sha384, sha512): "
            "write the specification anew with hashes"
        )
    return Artefact(name=file.filename, url=without_credentials(file.url), hashes=hashes, size=file.size)


def _known(file: IndexFile) -> dict[str, str]:
    return {name: value for name, value in file.hashes.items() if name in KNOWN_HASHES}


def pin_indexes(packages: Sequence[Package], indexes: Indexes | None) -> LockedPackages:
    """Pin the index that serves each package, and find names that two of them serve and releases that were withdrawn.

    A single index is not asked: uv asked it, or a lock makes it unnecessary. A package whose lock names an index that
    is not configured here is left as it is.

    Raises:
        CaptureError: an index is down, or answers nonsense.
    """
    if indexes is None or not indexes.several:
        return in_order(packages, ())
    places = {index.rstrip("/") for index in indexes.clean_urls}
    asked = [package for package in packages if _comes_from(package, places)]
    findings = ask_about(asked, indexes).values()
    pinned = {package.name: _pin(package, indexes) for package in asked}
    return in_order((pinned.get(package.name, package) for package in packages), filter(None, findings))


def _comes_from(package: Package, places: set[str]) -> bool:
    is_indexed = package.installed.evidence in INDEXED and bool(package.wheels)
    return is_indexed and (package.index is None or package.index.rstrip("/") in places)


def _pin(package: Package, indexes: Indexes) -> Package:
    wheel, yanked = package.wheels[0], package.installed.yanked
    return indexes.pin(package, IndexFile(filename=wheel.name, url=wheel.url or "", hashes=wheel.hashes, yanked=yanked))
