"""HTTP to package indexes: with the caller's logins, certificates and proxies, over connections that are kept open."""

import contextlib
import functools
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from envsnap.errors import CaptureError, UnreachableError
from envsnap.host.credentials import without_credentials, without_login
from envsnap.host.index.config import IndexConfig

if TYPE_CHECKING:
    import ssl

    from urllib3 import BaseHTTPResponse, PoolManager

CONNECTIONS = 16
CONNECT_SECONDS = 10.0
TIMEOUT_SECONDS = 60.0
RETRIED = (500, 502, 503, 504)
OK, PARTIAL_CONTENT = 200, 206


class IndexConnections:
    """Asks the servers that indexes name; safe to use from several threads.

    Raises:
        CaptureError: the certificates cannot be read.
    """

    def __init__(self, config: IndexConfig) -> None:
        self._logins = _Logins(config)
        self._proxies = _proxies()
        self._trusted = frozenset(config.trusted_hosts)
        self._options = _options(config)
        self._pools: dict[tuple[str, str], PoolManager] = {}

    @contextlib.contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> "Iterator[BaseHTTPResponse]":
        """Give the answer, its body not read yet; whatever its status is.

        Raises:
            UnreachableError: the server does not answer, or breaks off while the body is read.
        """
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool(url).request(
                "GET", without_login(url), headers={**headers, **self._logins.header(url)}, preload_content=False
            )
            try:
                yield answer
            finally:
                answer.close()  # one that was read to its end went back to its pool already
        except HTTPError as error:
            raise UnreachableError(type(error).__name__) from error

    def _pool(self, url: str) -> "PoolManager":
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc.rpartition("@")[2])
        if place not in self._pools:
            self._pools[place] = self._open(parts.scheme, parts.hostname or "", place[1])
        return self._pools[place]

    def _open(self, scheme: str, host: str, netloc: str) -> "PoolManager":
        """Go through the proxy that the caller's variables want, and check no certificate that the caller trusts."""
        from urllib.request import proxy_bypass

        import urllib3

        trusted = {"ssl_context": _unchecked()} if {host, netloc} & self._trusted else {}
        options = self._options | trusted
        proxy = "" if proxy_bypass(netloc) else self._proxies.get(scheme, "")
        return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def address(answer: "BaseHTTPResponse", asked: str) -> str:
    """Return the URL that an answer came from: the one that was asked, or where redirections led."""
    history = answer.retries.history if answer.retries is not None else ()
    return functools.reduce(urljoin, (step.redirect_location for step in history if step.redirect_location), asked)


def _proxies() -> dict[str, str]:
    """Return the caller's HTTP proxies by the scheme of what is asked through them; one can be named without scheme."""
    from urllib.request import getproxies

    found = {scheme: proxy for scheme, proxy in getproxies().items() if scheme in {"http", "https"}}
    spelled = {scheme: proxy if "://" in proxy else f"http://{proxy}" for scheme, proxy in found.items()}
    return {scheme: proxy for scheme, proxy in spelled.items() if proxy.startswith(("http://", "https://"))}


def _options(config: IndexConfig) -> dict[str, Any]:
    import urllib3

    return {
        "maxsize": CONNECTIONS,
        "ssl_context": _certificates(config.certificates),
        "retries": urllib3.Retry(
            total=3, connect=1, backoff_factor=0.2, status_forcelist=RETRIED, raise_on_status=False
        ),
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=config.timeout or TIMEOUT_SECONDS),
    }


def _certificates(path: Path | None) -> "ssl.SSLContext":
    import ssl

    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise CaptureError(
            f"the certificates in {path} cannot be read: {error}; correct the setting that names them"
        ) from error


def _unchecked() -> "ssl.SSLContext":
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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
