"""Where the artefacts of installed distributions come from, as one value that the lock stage is given."""

from pathlib import Path
from typing import Protocol

import msgspec

from envsnap.host.index.http import IndexConnections
from envsnap.host.index.uv import TargetPython, Uv
from envsnap.host.index.wheel import RemoteWheels
from envsnap.lock.files import InstalledFiles
from envsnap.lock.indexes import Indexes, configured_indexes
from envsnap.lock.memo import Memo
from envsnap.lock.resolve import Locker
from envsnap.lock.sources import WheelBuilder


class RemoteReader(Protocol):
    """Whoever reads wheels on an index; :class:`envsnap.host.index.wheel.RemoteWheels` tells what each does."""

    def read_record(self, url: str, sha256: str = "") -> str:
        """Return RECORD's text, or raise WheelUnreadableError."""

    def download(self, url: str, sha256: str, target: Path, *, limit: int) -> str:
        """Fetch the file and return its SHA-256, or raise WheelUnreadableError."""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What is on a network: the indexes' pages, the wheels there, and a folder for those that are kept here."""

    indexes: Indexes | None
    records: RemoteReader | None
    wheels: Path


def reach(uv: Uv, python: Path | TargetPython, work: Path) -> Remote:
    """Reach the indexes that uv is configured with; ``work`` is for scratch files, and the wheels that are kept."""
    http = IndexConnections(uv.config)
    indexes = configured_indexes(uv, http, python, work)
    return Remote(indexes=indexes, records=RemoteWheels(http), wheels=work / "wheels")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where artefacts come from.

    Args:
        python: the captured interpreter, or what stands for one that is not on this machine.
        files: makes installed files readable.
        project: folder of the lock.
        wheels: folder for wheels that no index serves.
        locker: resolves versions to files; None offline.
        records: reads wheels on indexes; None offline.
        builder: builds source trees; None offline.
        memo: what earlier freezes proved.
        indexes: the indexes' own pages; None offline.
        folders: those on this machine that installers look for wheels in.
        read_pages: whether the pages of ``indexes`` are read before the locker is asked.
    """

    python: Path | TargetPython
    files: InstalledFiles
    project: Path
    wheels: Path
    locker: Locker | None
    records: RemoteReader | None
    builder: WheelBuilder | None
    memo: Memo
    indexes: Indexes | None = None
    folders: tuple[Path, ...] = ()
    read_pages: bool = False

    @property
    def remote(self) -> Remote:
        """Return what proves a wheel that an index serves."""
        return Remote(indexes=self.indexes, records=self.records, wheels=self.wheels)
