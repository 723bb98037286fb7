"""pylock.toml (PEP 751): validated by packaging, and the artefact that fits an interpreter chosen from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
)

from envsnap.errors import CaptureError, InvalidFileError
from envsnap.host.index.file import IndexFile, file_of_pylock
from envsnap.lock.specification.parsed import Hashes, LockedFiles
from envsnap.lock.specification.specification_file import SourceFile
from envsnap.lock.specification.target import Target
from envsnap.manifest.package import normalise_name
from envsnap.manifest.toml import parse_toml


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The one artefact of a package that fits.

    Args:
        name: normalised.
        version: None for a source tree.
        wheel: absent where there is only a source.
        sdist: the source archive of the same version.
        is_direct: whether a URL, not an index, names the wheel.
        directory: the source tree, and ``editable`` whether Python shall import it from there.
        index: the index that serves the wheel.
        requested: whether the specification names it directly.
        source: what kind of source it is, where there is no wheel.
        yanked: why the index withdrew the release; None where it did not, or is not asked.
    """

    name: str
    version: str | None = None
    wheel: IndexFile | None = None
    sdist: IndexFile | None = None
    is_direct: bool = False
    directory: Path | None = None
    editable: bool = False
    index: str | None = None
    requested: bool = False
    source: str = ""
    yanked: str | None = None


def read_pylock(source: SourceFile, *, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> LockedFiles:
    """Read a lock.

    Raises:
        InvalidFileError: not TOML, or not what PEP 751 describes; names the key.
    """
    return LockedFiles(
        files=(source,),
        pylock=parse_pylock(source.text, source.name),
        folder=source.path.parent,
        extras=tuple(extras),
        groups=tuple(groups) or None,
    )


def parse_pylock(text: str, name: str) -> Pylock:
    """Parse and validate the text of a lock that ``name`` calls.

    Raises:
        InvalidFileError: see :func:`read_pylock`.
    """
    try:
        return Pylock.from_dict(parse_toml(text, source=name))
    except PylockValidationError as error:
        raise InvalidFileError(f"{name}: {error}") from error


def choose(wanted: LockedFiles, target: Target, allowed: Mapping[str, Hashes] | None = None) -> tuple[Choice, ...]:
    """Choose for every package whose marker holds the artefact that fits best.

    Args:
        wanted: the lock and what to select of it.
        target: the interpreter.
        allowed: by name the only hashes that count, for packages that have such.

    Raises:
        CaptureError: a package has nothing that fits, or the lock is not for this interpreter.
    """
    allowed = allowed or {}
    packages = [_with_allowed(package, allowed.get(normalise_name(package.name))) for package in wanted.pylock.packages]
    lock = replace(wanted.pylock, packages=packages)
    try:
        selected = tuple(
            lock.select(
                environment=target.environment,
                tags=target.tags,
                extras=wanted.extras,
                dependency_groups=wanted.groups,
            )
        )
    except PylockSelectError as error:
        raise CaptureError(f"{wanted.files[0].name} does not fit the captured interpreter: {error}") from error
    return tuple(_choices(selected, wanted))


def _with_allowed(package: Package, allowed: Hashes | None) -> Package:
    """Keep of a package's files those whose hash is allowed.

    Raises:
        CaptureError: none is.
    """
    if allowed is None:
        return package
    wheels = [wheel for wheel in package.wheels or () if _is_allowed(wheel.hashes, allowed)]
    sdist = package.sdist if package.sdist and _is_allowed(package.sdist.hashes, allowed) else None
    archive = package.archive if package.archive and _is_allowed(package.archive.hashes, allowed) else None
    if not (wheels or sdist or archive):
        raise CaptureError(
            f"{package.name} {package.version or ''}: no file of it that the indexes serve has a hash which the "
            "specification allows; the release was replaced, or another index serves it. Check where it comes from "
            "before you write the hashes anew"
        )
    return replace(package, wheels=wheels or None, sdist=sdist, archive=archive)


def _is_allowed(hashes: Mapping[str, str], allowed: Hashes) -> bool:
    return any(f"{name}:{value}" in allowed for name, value in hashes.items())


Selection = tuple[Package, PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist]


def _choices(selected: Sequence[Selection], wanted: LockedFiles) -> Iterator[Choice]:
    for package, artefact in selected:
        name = normalise_name(package.name)
        known = Choice(
            name=name,
            version=str(package.version) if package.version is not None else None,
            sdist=file_of_pylock(package.sdist, wanted.folder) if package.sdist else None,
            index=package.index,
            requested=wanted.requested is None or name in wanted.requested,
        )
        match artefact:
            case PackageWheel():
                yield replace(known, wheel=file_of_pylock(artefact, wanted.folder))
            case PackageSdist():
                yield replace(known, source="a source archive")
            case PackageArchive():
                yield _archive(known, file_of_pylock(artefact, wanted.folder))
            case PackageDirectory():
                folder = (wanted.folder / artefact.path / (artefact.subdirectory or "")).resolve()
                yield replace(known, directory=folder, editable=bool(artefact.editable))
            case PackageVcs():
                yield replace(known, source=f"a {artefact.type} repository")


def _archive(known: Choice, file: IndexFile) -> Choice:
    if file.filename.endswith(".whl"):
        return replace(known, wheel=file, is_direct=True)
    return replace(known, source="a source archive")
