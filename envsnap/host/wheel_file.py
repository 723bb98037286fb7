"""What lies inside a wheel: on this machine, or on an index, where only its RECORD is fetched by HTTP range."""

import io
import ssl
import zipfile
from base64 import b64encode
from collections.abc import Iterable
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from envsnap.errors import CaptureError
from envsnap.host.index_config import IndexConfig

if TYPE_CHECKING:
    from urllib3 import PoolManager

TAIL_BYTES = 64 * 1024
"""First question: enough for the directory of most wheels, and often for RECORD, which the standard puts last."""
RECORD_LIMIT = 64 * 1024 * 1024
PARTIAL_CONTENT = 206
TIMEOUT_SECONDS = 60.0


class WheelUnreadableError(CaptureError):
    """A wheel's RECORD cannot be read where it lies."""


def read_record(file: IO[bytes] | io.RawIOBase, name: str) -> str:
    """Return the text of RECORD in a wheel.

    Raises:
        WheelUnreadableError: no zip file, no RECORD, or one larger than 64 MiB.
    """
    try:
        with zipfile.ZipFile(cast("IO[bytes]", file)) as archive:
            records = [entry for entry in archive.infolist() if _is_record(entry.filename)]
            if len(records) != 1 or records[0].file_size > RECORD_LIMIT:
                raise WheelUnreadableError(f"{name} has no RECORD, or too large a one")
            return archive.read(records[0]).decode("utf-8", "replace")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError) as error:
        raise WheelUnreadableError(f"{name} is no readable wheel: {error}") from error


def read_local_record(path: Path) -> str:
    """Return the text of RECORD in a wheel on this machine."""
    try:
        with path.open("rb") as file:
            return read_record(file, path.name)
    except OSError as error:
        raise WheelUnreadableError(f"{path} cannot be read: {error.strerror}") from error


class RemoteWheels:
    """Reads from wheels on indexes, over connections that are kept open; safe to use from several threads."""

    def __init__(self, config: IndexConfig) -> None:
        import urllib3

        self._errors = urllib3.exceptions.HTTPError
        self._logins = _Logins(config)
        context = ssl.create_default_context(cafile=config.certificates)
        retries = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=(502, 503, 504))
        self._pool: PoolManager = urllib3.PoolManager(
            maxsize=16, ssl_context=context, retries=retries, timeout=TIMEOUT_SECONDS
        )

    def read_record(self, url: str) -> str:
        """Fetch the text of RECORD in the wheel at ``url``.

        Raises:
            WheelUnreadableError: the server does not answer, serves no ranges, or the file is no wheel.
        """
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        try:
            return read_record(_RangeFile(self, url), name)
        except self._errors as error:
            raise WheelUnreadableError(
                f"{name} cannot be read from its index: {type(error).__name__}"
            ) from error

    def fetch(self, url: str, span: str) -> tuple[bytes, int]:
        """Return the bytes of a range, and the size of the whole file."""
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity", **self._logins.header(url)}
        answer = self._pool.request("GET", url, headers=headers, preload_content=False)
        try:
            if answer.status != PARTIAL_CONTENT:
                raise WheelUnreadableError(
                    f"the index answers a range request with HTTP status {answer.status}"
                )
            _, _, total = answer.headers.get("Content-Range", "").rpartition("/")
            if not total.isdigit():
                raise WheelUnreadableError("the index does not tell the wheel's size")
            return answer.read(), int(total)
        finally:
            answer.release_conn()


class _RangeFile(io.RawIOBase):
    """A file on a server, as zipfile wants it: the tail is fetched at once, the rest as it is read."""

    def __init__(self, wheels: RemoteWheels, url: str) -> None:
        self._wheels, self._url = wheels, url
        self._tail, self._size = wheels.fetch(url, f"-{TAIL_BYTES}")
        self._position = 0

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
        held_from = self._size - len(self._tail)
        if start < held_from:
            # zipfile reads the entry's short header first: one longer answer serves the contents too
            wanted = max(end, min(held_from, start + TAIL_BYTES))
            data, _ = self._wheels.fetch(self._url, f"{start}-{wanted - 1}")
            if len(data) != wanted - start:
                raise EOFError("the index cut its answer short")
            if wanted >= held_from:
                self._tail = data + self._tail[wanted - held_from :]
            return data[: end - start]
        return self._tail[start - held_from : end - held_from]


class _Logins:
    """Credentials by host: those in the configured URLs, then ~/.netrc."""

    def __init__(self, config: IndexConfig) -> None:
        urls = (config.index_url, *config.extra_index_urls, *config.find_links)
        self._by_host = dict(_credentials(url for url in urls if url))
        try:
            self._netrc: netrc | None = netrc()
        except (OSError, NetrcParseError):
            self._netrc = None

    def header(self, url: str) -> dict[str, str]:
        host = urlsplit(url).hostname or ""
        login = self._by_host.get(host) or self._from_netrc(host)
        if login is None:
            return {}
        return {"Authorization": "Basic " + b64encode(":".join(login).encode()).decode()}

    def _from_netrc(self, host: str) -> tuple[str, str] | None:
        entry = self._netrc.authenticators(host) if self._netrc else None
        return (entry[0], entry[2]) if entry else None


def _credentials(urls: Iterable[str]) -> Iterable[tuple[str, tuple[str, str]]]:
    for url in urls:
        parts = urlsplit(url)
        if parts.username and parts.hostname:
            yield parts.hostname, (unquote(parts.username), unquote(parts.password or ""))


def _is_record(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder.endswith(".dist-info") and file == "RECORD"
