"""What lies inside a wheel: on this machine, or on an index, where only its RECORD is fetched by HTTP range."""

import hashlib
import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from envsnap.errors import (
    BrokenWheelError,
    CaptureError,
    LyingIndexError,
    NoRangesError,
    UnreachableError,
    WheelUnreadableError,
)
from envsnap.host.files import room_for
from envsnap.host.index.file import file_name
from envsnap.host.index.http import OK, PARTIAL_CONTENT, IndexConnections

TAIL_BYTES = 64 * 1024
"""First question: enough for the directory of most wheels, and often for RECORD, which the standard puts last."""
RECORD_LIMIT = 64 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def read_record(file: IO[bytes] | io.RawIOBase, name: str) -> str:
    """Return the text of RECORD in a wheel.

    Raises:
        BrokenWheelError: no zip file, no RECORD, or one larger than 64 MiB.
    """
    try:
        with zipfile.ZipFile(cast("IO[bytes]", file)) as archive:
            records = [entry for entry in archive.infolist() if _is_record(entry.filename)]
            if len(records) != 1 or records[0].file_size > RECORD_LIMIT:
                raise BrokenWheelError(f"{name} has no RECORD, or too large a one")
            return archive.read(records[0]).decode("utf-8", "replace")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise BrokenWheelError(f"{name} is no readable wheel: {error}") from error


def read_local_record(path: Path) -> str:
    """Return the text of RECORD in a wheel on this machine."""
    try:
        with path.open("rb") as file:
            return read_record(file, path.name)
    except OSError as error:
        raise WheelUnreadableError(f"{path} cannot be read: {error.strerror}") from error


def read_remote_record(http: IndexConnections, url: str, sha256: str = "") -> str:
    """Fetch the text of RECORD in the wheel at ``url``.

    Args:
        http: asks the index.
        url: of the wheel.
        sha256: what the index announces: held against the file where the first answer is all of it.

    Raises:
        WheelUnreadableError: the server does not answer, serves no ranges, or the file is no wheel.
        LyingIndexError: the file is not the announced one.
    """
    name = file_name(url)
    try:
        file = _RangeFile(http, url)
        if file.is_whole and sha256:
            check_announced(name, sha256, hashlib.sha256(file.readall()).hexdigest())
        return read_record(file, name)
    except UnreachableError as error:
        raise WheelUnreadableError(f"{name} cannot be read from its index: {error}") from error


def download(http: IndexConnections, url: str, target: Path, *, limit: int) -> None:
    """Fetch a whole file of at most ``limit`` bytes into ``target``; what came of one that breaks off stays there.

    Raises:
        WheelUnreadableError: the server does not answer, breaks off, or the file is larger.
        DiskFullError: there is no room for it.
        CaptureError: it cannot be written.
    """
    name = file_name(url)
    try:
        with (
            room_for(name),
            http.get(url, {"Accept-Encoding": "identity"}) as answer,
            target.open("wb") as file,
        ):
            if answer.status != OK:
                raise WheelUnreadableError(f"the index answers with HTTP status {answer.status}")
            if int(answer.headers.get("Content-Length") or 0) > limit:
                raise WheelUnreadableError(f"{name} is larger than {limit // 2**20} MiB")
            for piece in answer.stream(PIECE_BYTES):
                if file.tell() + len(piece) > limit:
                    raise WheelUnreadableError(f"it is larger than {limit // 2**20} MiB")
                file.write(piece)
    except UnreachableError as error:
        raise WheelUnreadableError(f"{name} cannot be fetched from its index: {error}") from error
    except OSError as error:
        raise CaptureError(f"{name} cannot be kept as {target}: {error.strerror}") from error


def check_announced(name: str, announced: str, found: str) -> None:
    """Hold a file's SHA-256 against the one that its index announces.

    Raises:
        LyingIndexError: they differ.
    """
    if announced != found:
        raise LyingIndexError(
            f"{name}: the index announces sha256 {announced[:12]}… and serves a file of sha256 {found[:12]}…: "
            "the file was replaced or damaged there. Ask whoever runs the index; nothing was locked"
        )


def _fetch_range(http: IndexConnections, url: str, span: str) -> tuple[bytes, int]:
    """Return the bytes of a range, and the size of the whole file."""
    headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
    with http.get(url, headers) as answer:
        if answer.status == OK:
            raise NoRangesError(f"the index answers a range request with HTTP status {OK}")
        if answer.status != PARTIAL_CONTENT:
            raise WheelUnreadableError(f"the index answers a range request with HTTP status {answer.status}")
        found = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None:
            raise WheelUnreadableError("the index does not tell the wheel's size")
        first, last, total = map(int, found.groups())
        data = answer.read()
        wanted = span == f"{first}-{last}" or (span.startswith("-") and last == total - 1)
        if not wanted or len(data) != last - first + 1:
            raise WheelUnreadableError("the index answers with another range than the one asked for")
        return data, total


class _RangeFile(io.RawIOBase):
    """A file on a server, as zipfile wants it: the tail is fetched at once, the rest in pieces as it is read."""

    def __init__(self, http: IndexConnections, url: str) -> None:
        self._http, self._url = http, url
        self._tail, self._size = _fetch_range(http, url, f"-{TAIL_BYTES}")
        self._piece, self._piece_start = b"", 0
        self._position = 0

    @property
    def is_whole(self) -> bool:
        """Whether the first answer held the whole file."""
        return len(self._tail) == self._size

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._position + size)
        if end <= self._position:
            return b""
        data = self._between(self._position, end)
        self._position += len(data)
        return data

    def _between(self, start: int, end: int) -> bytes:
        tail_start = self._size - len(self._tail)
        if start >= tail_start:
            return self._tail[start - tail_start : end - tail_start]
        if not self._piece_start <= start < end <= self._piece_start + len(self._piece):
            # zipfile reads an entry's short header before its contents: one longer answer serves both
            wanted = min(self._size, max(end, start + TAIL_BYTES))
            self._piece, _ = _fetch_range(self._http, self._url, f"{start}-{wanted - 1}")
            self._piece_start = start
        return self._piece[start - self._piece_start : end - self._piece_start]


def _is_record(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder.endswith(".dist-info") and file == "RECORD"
