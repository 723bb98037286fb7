"""conda-lock.yml, read through conda-lock's own model: records of one platform, and its pip packages."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, PackageWheel, Pylock, PylockValidationError
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envsnap.errors import CaptureError, InvalidFileError, MissingToolError, UsageError
from envsnap.host.index.conda_solver import MISSING, CondaRecord
from envsnap.lock.specification.conda import conda_package
from envsnap.lock.specification.parsed import CondaLockfile, LockedFiles
from envsnap.lock.specification.specification_file import SourceFile, parse_yaml

if TYPE_CHECKING:
    from conda_lock.lockfile.v1.models import LockedDependency, Lockfile

VERSION = 1
MAIN = "main"


def read_conda_lock(source: SourceFile, *, subdir: str, groups: Sequence[str]) -> CondaLockfile:
    """Read what a conda-lock.yml locks for one platform.

    Args:
        source: the file.
        subdir: the platform, for example ``linux-64``.
        groups: categories beside ``main``.

    Raises:
        InvalidFileError: not YAML, another version, or not what conda-lock writes; names the key.
        MissingToolError: conda-lock is not installed.
        UsageError: there is no such category.
        CaptureError: it locks nothing for the platform, or a pip package by something else than a wheel.
    """
    document = parse_yaml(source)
    version = document.pop("version", None) if isinstance(document, dict) else None
    if version != VERSION:
        raise InvalidFileError(f"{source.name}: its version is {version!r}, and envsnap reads conda-lock's {VERSION}")
    lock = _validate(document, source.name)
    if subdir not in lock.metadata.platforms:
        raise CaptureError(
            f"{source.name} locks {', '.join(lock.metadata.platforms) or 'no platform'}, and the captured one is "
            f"{subdir}: add it with 'conda-lock --platform {subdir}'"
        )
    wanted = {MAIN, *groups}
    known = {entry.category for entry in lock.package} | {MAIN}
    if wanted - known:
        unknown = ", ".join(sorted(wanted - known))
        raise UsageError(f"--group {unknown}: {source.name} has no such category; it has {', '.join(sorted(known))}")
    here = [entry for entry in lock.package if entry.platform == subdir and entry.category in wanted]
    entries = {
        (entry.manager, entry.name): entry for entry in here
    }.values()  # one stands in each category that needs it
    conda = tuple(conda_package(_record(entry)) for entry in entries if entry.manager == "conda")
    pip = [entry for entry in entries if entry.manager == "pip"]
    return CondaLockfile(
        files=(source,),
        packages=tuple(sorted(conda, key=lambda package: package.name)),
        pip=_pip(pip, source) if pip else None,
    )


def _validate(document: object, name: str) -> "Lockfile":
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports a conda of its own, which warns of its own parts
            from conda_lock.lockfile.v1.models import Lockfile
        from pydantic import ValidationError
    except ImportError as error:
        raise MissingToolError(MISSING.format(name="conda-lock", what="conda-lock.yml")) from error
    try:
        return Lockfile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        raise InvalidFileError(f"{name}: {where}: {first['msg']}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # its own checks stumble over an entry in which another key is wrong already
        raise InvalidFileError(f"{name}: conda-lock cannot read it: {type(error).__name__} {error}") from error


def _record(entry: "LockedDependency") -> CondaRecord:
    """https://docs.conda.io/projects/conda/en/stable/dev-guide/specs.html: CHANNEL/SUBDIR/NAME-VERSION-BUILD.ENDING."""
    path = PurePosixPath(unquote(urlsplit(entry.url).path))
    stem = path.name.removesuffix(".conda").removesuffix(".tar.bz2")
    return CondaRecord(
        name=entry.name,
        version=entry.version,
        build=entry.build or stem.rpartition("-")[2],
        channel=entry.url.rpartition("/")[0].rpartition("/")[0],
        subdir=path.parent.name,
        url=entry.url,
        sha256=entry.hash.sha256 or "",
        md5=entry.hash.md5 or "",
        size=0,
        depends=tuple(f"{name} {spec}".strip() for name, spec in entry.dependencies.items()),
    )


def _pip(entries: "Iterable[LockedDependency]", source: SourceFile) -> LockedFiles:
    lock = Pylock(
        lock_version=Version("1.0"), created_by="envsnap", packages=[_wheel(entry, source.name) for entry in entries]
    )
    try:
        lock.validate()
    except PylockValidationError as error:
        raise InvalidFileError(f"{source.name}: {error}") from error
    return LockedFiles(files=(source,), pylock=lock, folder=source.path.parent)


def _wheel(entry: "LockedDependency", name: str) -> Package:
    file = unquote(urlsplit(entry.url).path).rpartition("/")[2]
    if not file.endswith(".whl"):
        raise CaptureError(
            f"{name}: {entry.name} is locked by {file}, and envsnap builds no source archive: "
            "build its wheel, and lock that"
        )
    if not entry.hash.sha256:
        raise InvalidFileError(f"{name}: {entry.name} has no sha256: write the lock anew with a newer conda-lock")
    try:
        version = Version(entry.version)
    except InvalidVersion as error:
        raise InvalidFileError(f"{name}: {entry.name}: {error}") from error
    url = entry.url.partition("#")[0]
    wheel = PackageWheel(name=file, url=url, hashes={"sha256": entry.hash.sha256})
    return Package(name=canonicalize_name(entry.name), version=version, wheels=[wheel])
