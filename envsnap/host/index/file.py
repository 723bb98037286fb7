"""One file of a package as an index, uv or pip-tools tells of it, and the release that it belongs to."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from envsnap.host.index.config import local_path

if TYPE_CHECKING:
    from packaging.pylock import PackageArchive, PackageSdist, PackageWheel

NO_REASON = "no reason given"


class IndexFile(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A wheel or a source archive, as the pages of an index spell it.

    https://packaging.python.org/en/latest/specifications/simple-repository-api/#project-detail

    Args:
        filename: its name.
        url: where it is served, or a ``file:`` URL of this machine.
        hashes: digests by algorithm; none where nothing is announced.
        size: in bytes, where it is told.
        upload_time: when the index received it, where it is told.
        yanked: whether the release was withdrawn, or why.
        core_metadata: whether METADATA is served beside a wheel (PEP 714), or its digests by algorithm.
        dist_info_metadata: the older name of ``core_metadata``.
    """

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None
    upload_time: str | None = None
    yanked: bool | str | None = False
    core_metadata: bool | dict[str, str] = False
    dist_info_metadata: bool | dict[str, str] = False

    @property
    def sha256(self) -> str:
        """Its SHA-256, "" where none is announced."""
        return self.hashes.get("sha256", "")

    @property
    def path(self) -> Path | None:
        """Where it lies on this machine; None for a file on a network."""
        return local_path(self.url)

    @property
    def yanked_reason(self) -> str | None:
        """Why the release was withdrawn; None where it was not."""
        if self.yanked is None or self.yanked is False:
            return None
        return self.yanked if isinstance(self.yanked, str) and self.yanked else NO_REASON

    @property
    def metadata_sha256(self) -> str:
        """The SHA-256 of METADATA, "" where the index does not announce it."""
        metadata = self.core_metadata or self.dist_info_metadata
        return metadata.get("sha256", "") if isinstance(metadata, dict) else ""


class Release(msgspec.Struct, frozen=True):
    """The files of one version of a project that a locker names."""

    name: str
    files: tuple[IndexFile, ...] = ()

    @property
    def wheels(self) -> tuple[IndexFile, ...]:
        """Its wheels."""
        return tuple(file for file in self.files if file.filename.endswith(".whl"))

    @property
    def sdist(self) -> IndexFile | None:
        """Its source archive."""
        return next((file for file in self.files if not file.filename.endswith(".whl")), None)


def file_of_pylock(
    artefact: "PackageWheel | PackageSdist | PackageArchive", folder: Path, *, yanked: str | None = None
) -> IndexFile:
    """Turn an entry of a pylock.toml (PEP 751) into a file; a relative path in it starts from ``folder``."""
    path = local_path(artefact.url) if artefact.url else folder / (artefact.path or "")
    url = path.resolve().as_uri() if path is not None else artefact.url or ""
    return IndexFile(
        filename=file_name(url),
        url=url,
        hashes=dict(artefact.hashes),
        size=artefact.size,
        upload_time=artefact.upload_time.isoformat() if artefact.upload_time else None,
        yanked=yanked,
    )


def file_name(url: str) -> str:
    """Return the last part of a URL's path."""
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1])
