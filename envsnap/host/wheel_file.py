"""What lies inside a wheel: on this machine, or on an index, where only its RECORD is fetched by HTTP range."""

import io
import re
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import takewhile
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from envsnap.errors import CaptureError
from envsnap.host.index_config import IndexConfig, without_credentials

if TYPE_CHECKING:
    import ssl

    from urllib3 import PoolManager

TAIL_BYTES = 64 * 1024
"""First question: enough for the directory of most wheels, and often for RECORD, which the standard puts last."""
RECORD_LIMIT = 64 * 1024 * 1024
PARTIAL_CONTENT = 206
CONNECT_SECONDS = 10.0
TIMEOUT_SECONDS = 60.0
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


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
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
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
        self._proxies = _proxies()
        self._options = {
            "maxsize": 16,
            "ssl_context": _certificates(config),
            "retries": urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=(502, 503, 504)),
            "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=TIMEOUT_SECONDS),
        }
        self._pools = {proxy: self._through(proxy) for proxy in {"", *self._proxies.values()}}

    def read_record(self, url: str) -> str:
        """Fetch the text of RECORD in the wheel at ``url``.

        Raises:
            WheelUnreadableError: the server does not answer, serves no ranges, or the file is no wheel.
        """
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        try:
            return read_record(_RangeFile(self, url), name)
        except self._errors as error:
            raise WheelUnreadableError(f"{name} cannot be read from its index: {type(error).__name__}") from error

    def fetch(self, url: str, span: str) -> tuple[bytes, int]:
        """Return the bytes of a range, and the size of the whole file."""
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity", **self._logins.header(url)}
        answer = self._pools[self._proxy(url)].request("GET", url, headers=headers, preload_content=False)
        try:
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
        finally:
            answer.release_conn()

    def _through(self, proxy: str) -> "PoolManager":
        import urllib3

        options: dict[str, Any] = self._options
        return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def _proxy(self, url: str) -> str:
        """Name the proxy that the caller's variables want for a URL, "" for none."""
        from urllib.request import proxy_bypass

        parts = urlsplit(url)
        return "" if proxy_bypass(parts.netloc) else self._proxies.get(parts.scheme, "")


def _proxies() -> dict[str, str]:
    """Return the caller's HTTP proxies by the scheme of what is asked through them; one can be named without scheme."""
    from urllib.request import getproxies

    found = {scheme: proxy for scheme, proxy in getproxies().items() if scheme in {"http", "https"}}
    spelled = {scheme: proxy if "://" in proxy else f"http://{proxy}" for scheme, proxy in found.items()}
    return {scheme: proxy for scheme, proxy in spelled.items() if proxy.startswith(("http://", "https://"))}


def _certificates(config: IndexConfig) -> "ssl.SSLContext":
    import ssl

    try:
        return ssl.create_default_context(cafile=config.certificates)
    except OSError as error:
        raise CaptureError(
            f"the certificates in {config.certificates} cannot be read: {error}; correct the setting that names them"
        ) from error


class _RangeFile(io.RawIOBase):
    """A file on a server, as zipfile wants it: the tail is fetched at once, the rest in pieces as it is read."""

    def __init__(self, wheels: RemoteWheels, url: str) -> None:
        self._wheels, self._url = wheels, url
        self._tail, self._size = wheels.fetch(url, f"-{TAIL_BYTES}")
        self._piece, self._piece_start = b"", 0
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
        tail_start = self._size - len(self._tail)
        if start >= tail_start:
            return self._tail[start - tail_start : end - tail_start]
        if not self._piece_start <= start < end <= self._piece_start + len(self._piece):
            # zipfile reads an entry's short header before its contents: one longer answer serves both
            wanted = min(self._size, max(end, start + TAIL_BYTES))
            self._piece, _ = self._wheels.fetch(self._url, f"{start}-{wanted - 1}")
            self._piece_start = start
        return self._piece[start - self._piece_start : end - self._piece_start]


class _Logins:
    """Credentials by scheme, host and port: those in the configured URLs, then ~/.netrc."""

    def __init__(self, config: IndexConfig) -> None:
        urls = (config.index_url, *config.extra_index_urls, *config.find_links)
        self._configured = tuple(_credentials(url for url in urls if url))
        try:
            self._netrc: netrc | None = netrc()
        except (OSError, NetrcParseError):
            self._netrc = None

    def header(self, url: str) -> dict[str, str]:
        login = self._from_urls(url) or self._from_netrc(urlsplit(url).hostname or "")
        if login is None:
            return {}
        return {"Authorization": "Basic " + b64encode(":".join(login).encode()).decode()}

    def _from_urls(self, url: str) -> tuple[str, str] | None:
        """Of several indexes on one host, the one whose path has the longest start in common is meant."""
        host = _host(url)
        fitting = [(_shared(base, url), login) for base, login in self._configured if _host(base) == host]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None

    def _from_netrc(self, host: str) -> tuple[str, str] | None:
        entry = self._netrc.authenticators(host) if self._netrc else None
        return (entry[0], entry[2]) if entry else None


def _credentials(urls: Iterable[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for url in urls:
        parts = urlsplit(url)
        if parts.username and parts.hostname:
            yield without_credentials(url), (unquote(parts.username), unquote(parts.password or ""))


def _shared(one: str, other: str) -> int:
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _is_record(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder.endswith(".dist-info") and file == "RECORD"
