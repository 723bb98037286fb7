"""One distribution as it was found installed: the package of the lock-to-be, and what its artefact is found by."""

import msgspec

from envsnap.manifest.model import Model
from envsnap.manifest.package import InstalledRecord, Package


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
    """direct_url.json (PEP 610): where a distribution came from when not from an index; one of the infos is set."""

    url: str
    subdirectory: str | None = None
    vcs_info: VcsInfo | None = None
    archive_info: ArchiveInfo | None = None
    dir_info: DirInfo | None = None

    @property
    def is_editable(self) -> bool:
        """Whether it is imported from its source tree."""
        return self.dir_info is not None and self.dir_info.editable


class InstalledPackage(Model, frozen=True):
    """One distribution as the probe found it.

    Args:
        package: what the lock will say of it; its artefact is still to be found.
        root: the import root on this machine; ``folder``: its ``.dist-info`` there.
        metadata_sha256: SHA-256 of METADATA.
        direct_url: where it came from when not from an index. Its URL can hold a login.
        is_conda: whether conda owns it, by conda's own record and not by INSTALLER alone.
        problem: why its files cannot be told; "" if they can.
    """

    package: Package
    root: str
    folder: str
    metadata_sha256: str = ""
    direct_url: DirectUrl | None = None
    is_conda: bool = False
    problem: str = ""

    @property
    def name(self) -> str:
        """Its normalised project name."""
        return self.package.name

    @property
    def version(self) -> str:
        """As METADATA says; "" where that is damaged."""
        return self.package.version or ""

    @property
    def is_developed(self) -> bool:
        """Whether ``setup.py develop`` installed it: its source tree is its import root."""
        return bool(self.record.editable) and self.folder.endswith(".egg-info")

    @property
    def label(self) -> str:
        """``name==version``, as a person writes it."""
        return self.package.label

    @property
    def record(self) -> InstalledRecord:
        """How it was found installed."""
        return self.package.installed
