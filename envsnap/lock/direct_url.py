"""direct_url.json (PEP 610): where a distribution came from when it did not come from an index."""

from pathlib import Path

import msgspec

from envsnap.host.credentials import without_secrets
from envsnap.host.index_config import local_path
from envsnap.manifest.package import Vcs


class VcsInfo(msgspec.Struct, frozen=True):
    """``vcs_info``."""

    vcs: str
    commit_id: str
    requested_revision: str | None = None


class ArchiveInfo(msgspec.Struct, frozen=True):
    """``archive_info``; ``hash`` is the older spelling ``sha256=...``."""

    hashes: dict[str, str] = {}
    hash: str = ""

    @property
    def sha256(self) -> str:
        """The archive's SHA-256, "" where the installer noted none."""
        return self.hashes.get("sha256") or self.hash.partition("sha256=")[2]


class DirInfo(msgspec.Struct, frozen=True):
    """``dir_info``."""

    editable: bool = False


class DirectUrl(msgspec.Struct, frozen=True):
    """One of the three infos is set."""

    url: str
    subdirectory: str | None = None
    vcs_info: VcsInfo | None = None
    archive_info: ArchiveInfo | None = None
    dir_info: DirInfo | None = None

    @property
    def folder(self) -> Path | None:
        """The source tree on this machine, where the URL names one."""
        path = local_path(self.url)
        return path if path is not None and path.is_dir() else None

    @property
    def vcs(self) -> Vcs | None:
        """The PEP 751 entry of a checkout."""
        if self.vcs_info is None:
            return None
        return Vcs(
            type=self.vcs_info.vcs,
            url=without_secrets(self.url),
            commit_id=self.vcs_info.commit_id,
            requested_revision=self.vcs_info.requested_revision,
            subdirectory=self.subdirectory,
        )


def parse_direct_url(text: str) -> DirectUrl | None:
    """Read the file's text; None where there is none, or it is not what PEP 610 describes."""
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=DirectUrl)
    except (msgspec.DecodeError, ValueError):
        return None
