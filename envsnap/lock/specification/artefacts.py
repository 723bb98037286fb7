"""Chosen artefacts -> the packages of a lock: each with the content digest that its wheel will show once installed."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsnap.errors import CaptureError, WheelUnreadableError
from envsnap.host.credentials import without_credentials
from envsnap.host.files import link_or_copy, relative_to, room_for, sha256_file
from envsnap.host.uv import UvFile
from envsnap.host.wheel_file import read_local_record
from envsnap.inside.probe._probe_record import content_digest
from envsnap.lock.lock import CONTEXT_WHEELS, THREADS
from envsnap.lock.sources import WheelBuilder, source_digest
from envsnap.lock.specification.pylock import Choice
from envsnap.manifest.package import Artefact, Directory, Evidence, InstalledRecord, Package

KNOWN_HASHES = frozenset({"sha256", "sha384", "sha512"})
NOT_BUILT = "the specification resolves to {source}, and envsnap builds none: build its wheel, and name that one"


class RecordReader(Protocol):
    """Whoever reads RECORD out of a wheel on an index."""

    def read_record(self, url: str, sha256: str = "") -> str:
        """Return RECORD's text, or raise WheelUnreadableError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """Where the lock lies and what reads and builds wheels.

    Args:
        project: folder of the lock.
        wheels: folder for wheels that no index serves.
        location: of the packages, as the manifest spells it.
        records: reads wheels on indexes; None offline.
        builder: builds source trees that the specification names.
    """

    project: Path
    wheels: Path
    location: str
    records: RecordReader | None
    builder: WheelBuilder | None


def lock_choices(choices: Sequence[Choice], store: Store) -> tuple[Package, ...]:
    """Lock every choice, in order of name; wheels on indexes are looked into at the same time.

    Raises:
        CaptureError: a file on this machine is not the one that the specification names, has no hash, or cannot be
            built.
    """
    store.wheels.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        locked = list(pool.map(lambda choice: _lock(choice, store), choices))
    return tuple(sorted(locked, key=lambda package: package.name))


def _lock(choice: Choice, store: Store) -> Package:
    if choice.directory is not None:
        return _from_tree(choice, choice.directory, store)
    if choice.wheel is None:
        return _without_wheel(choice, store)
    if choice.wheel.path is not None:
        return _from_file(choice, Path(choice.wheel.path), choice.wheel, store)
    return _from_index(choice, choice.wheel, store)


def _without_wheel(choice: Choice, store: Store) -> Package:
    reason = NOT_BUILT.format(source=choice.source)
    if choice.version is None:
        raise CaptureError(f"{choice.name}: {reason}")
    return _package(choice, store, evidence="none", reason=reason)


def _from_index(choice: Choice, file: UvFile, store: Store) -> Package:
    wheel = _artefact(choice, file)
    digest, problem = _remote_digest(file, store)
    reason = f"its RECORD could not be read, so a rebuilt one is compared by version: {problem}" if problem else ""
    evidence: Evidence = "index-inferred" if reason else "index-verified"
    if choice.is_direct:
        evidence = "direct-url"
        if reason:
            raise CaptureError(f"{choice.name}: the wheel at {wheel.url} cannot be looked into: {problem}")
    return _package(choice, store, evidence=evidence, wheel=wheel, digest=digest, reason=reason)


def _remote_digest(file: UvFile, store: Store) -> tuple[str, str]:
    """Return the content digest of a wheel on an index, or why it cannot be read."""
    if store.records is None or file.url is None:
        return "", "frozen offline"
    try:
        return content_digest(store.records.read_record(file.url, file.hashes.get("sha256", "")))[0], ""
    except WheelUnreadableError as error:
        return "", str(error)


def _from_file(choice: Choice, path: Path, file: UvFile, store: Store) -> Package:
    """Keep a wheel of this machine beside the lock: no other machine can ask this machine's folder."""
    if not path.is_file():
        raise CaptureError(f"{choice.name}: the specification names {path}, which is not there")
    sha256, size = sha256_file(path)
    if file.hashes.get("sha256", sha256) != sha256:
        raise CaptureError(
            f"{choice.name}: {path} has sha256 {sha256[:12]}…, and the specification says "
            f"{file.hashes['sha256'][:12]}…: it is another file"
        )
    with room_for(f"{choice.name}: {path.name}"):
        kept = link_or_copy(path, store.wheels / path.name)
    wheel = Artefact(name=path.name, path=f"{CONTEXT_WHEELS}/{path.name}", hashes={"sha256": sha256}, size=size)
    digest = content_digest(read_local_record(kept))[0]
    return _package(choice, store, evidence="local-file", wheel=wheel, digest=digest)


def _from_tree(choice: Choice, folder: Path, store: Store) -> Package:
    """Build the wheel of a source tree that the specification names, as for one that is installed editable."""
    if store.builder is None:
        raise CaptureError(f"{choice.name}: its source folder {folder} is built into a wheel only online")
    if not folder.is_dir():
        raise CaptureError(f"{choice.name}: the specification names the source folder {folder}, which is not there")
    with tempfile.TemporaryDirectory(dir=store.wheels.parent, prefix="build-") as scratch:
        built = store.builder.build_wheel(folder, Path(scratch))
        with room_for(f"{choice.name}: {built.name}"):
            kept = link_or_copy(built, store.wheels / built.name)
    sha256, size = sha256_file(kept)
    wheel = Artefact(name=kept.name, path=f"{CONTEXT_WHEELS}/{kept.name}", hashes={"sha256": sha256}, size=size)
    record = read_local_record(kept)
    entry = _package(
        choice,
        store,
        evidence="repacked",
        wheel=wheel,
        digest=content_digest(record)[0],
        reason="built from the source folder",
    )
    tree = Directory(path=relative_to(folder, store.project.absolute()), editable=choice.editable)
    installed = msgspec.structs.replace(
        entry.installed,
        version=str(parse_wheel_filename(kept.name)[1]),
        wheel=wheel,
        source_digest=source_digest(record),
        editable=choice.editable or None,
    )
    return Package(name=entry.name, installed=installed, directory=tree)


def _package(
    choice: Choice,
    store: Store,
    *,
    evidence: Evidence,
    wheel: Artefact | None = None,
    digest: str = "",
    reason: str = "",
) -> Package:
    build = "".join(map(str, parse_wheel_filename(wheel.name)[2])) if wheel else ""
    record = InstalledRecord(
        tags=_tags(choice, wheel) if wheel else (),
        evidence=evidence,
        content_digest=digest,
        location=store.location,
        requested=choice.requested,
        build=build,
        reason=reason,
        origin="site-packages",
        yanked=choice.yanked,
    )
    index = without_credentials(choice.index) if choice.index and choice.index.startswith(("http:", "https:")) else None
    sdist = _artefact(choice, choice.sdist) if choice.sdist and choice.sdist.url and _known(choice.sdist) else None
    wheels = (wheel,) if wheel else ()
    return Package(name=choice.name, version=choice.version, index=index, wheels=wheels, sdist=sdist, installed=record)


def _artefact(choice: Choice, file: UvFile) -> Artefact:
    hashes = _known(file)
    if not hashes:
        raise CaptureError(
            f"{choice.name}: {file.filename} has no hash that installers accept (sha256, sha384, sha512): "
            "write the specification anew with hashes"
        )
    return Artefact(name=file.filename, url=without_credentials(file.url or ""), hashes=hashes, size=file.size)


def _known(file: UvFile) -> dict[str, str]:
    return {name: value for name, value in file.hashes.items() if name in KNOWN_HASHES}


def _tags(choice: Choice, wheel: Artefact) -> tuple[str, ...]:
    """Return the tags that the file's name tells: those of WHEEL, unless a tool renamed the file."""
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise CaptureError(f"{choice.name}: {wheel.name!r} is no wheel's name: {error}") from error
    if name != choice.name or (choice.version is not None and str(version) != choice.version):
        raise CaptureError(
            f"{choice.name} {choice.version or ''}: the specification names {wheel.name}, a wheel of another package"
        )
    return tuple(sorted(map(str, tags)))
