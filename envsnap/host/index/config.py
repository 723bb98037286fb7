"""Where pip and uv on this machine look for packages, and which certificates they trust."""

import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlunsplit

from envsnap.errors import CaptureError
from envsnap.host.credentials import split_url

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexConfig:
    """Indexes as configured, credentials included: never print one, never write one into a lock or an image.

    Args:
        index_url: the default index, None for the installer's own default.
        extra_index_urls: further indexes, ``file://`` ones included.
        find_links: folders and pages with wheels.
        certificates: CA bundle, or None for the installer's own.
        trusted_hosts: hosts whose certificate is not checked.
        no_index: whether only ``find_links`` serve.
        timeout: seconds that a server may stay silent; None for envsnap's own.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    certificates: Path | None = None
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    timeout: float | None = None

    @property
    def is_default(self) -> bool:
        """Whether nothing says where packages come from: installers then ask their own default index."""
        named = self.index_url or self.extra_index_urls or self.find_links or self.trusted_hosts
        return not (named or self.no_index)

    @property
    def local_folders(self) -> tuple[Path, ...]:
        """Folders of ``find_links`` on this machine."""
        paths = (local_path(place) for place in self.find_links)
        return tuple(path for path in paths if path is not None and path.is_dir())

    def over(self, lower: "IndexConfig") -> "IndexConfig":
        """Lay these settings over others; what both list, both serve, and these come first."""
        return IndexConfig(
            index_url=self.index_url or lower.index_url,
            extra_index_urls=_unique((*self.extra_index_urls, *lower.extra_index_urls)),
            find_links=_unique((*self.find_links, *lower.find_links)),
            certificates=self.certificates or lower.certificates,
            trusted_hosts=_unique((*self.trusted_hosts, *lower.trusted_hosts)),
            no_index=self.no_index or lower.no_index,
            timeout=self.timeout or lower.timeout,
        )


def read_index_config(env: Mapping[str, str], *, prefix: Path | None = None) -> IndexConfig:
    """Merge what uv and pip are configured with; uv's default index wins where both name one.

    Args:
        env: environment variables.
        prefix: prefix of the interpreter whose pip.conf counts too.
    """
    config = _read_uv(env).over(_read_pip(env, prefix))
    return replace(
        config,
        certificates=_certificates(env) or config.certificates,
        timeout=_seconds(env.get("UV_HTTP_TIMEOUT") or env.get("UV_REQUEST_TIMEOUT")) or config.timeout,
    )


def reachable_elsewhere(config: IndexConfig) -> IndexConfig:
    """Keep the indexes that another machine, or a container, can reach: those on a network."""
    return replace(
        config,
        index_url=config.index_url if config.index_url and is_remote(config.index_url) else None,
        extra_index_urls=tuple(filter(is_remote, config.extra_index_urls)),
        find_links=tuple(filter(is_remote, config.find_links)),
    )


def local_path(place: str) -> Path | None:
    """Return the path that a ``file://`` URL or a plain path names; None for any other URL."""
    parts = split_url(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in place else Path(place).expanduser()


def is_remote(url: str) -> bool:
    """Whether a URL leads to a server."""
    return url.startswith(("https://", "http://"))


def _seconds(text: str | None) -> float | None:
    """Read a timeout; what is no number of seconds, pip and uv refuse themselves."""
    try:
        seconds = float(text or 0)
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None


def _certificates(env: Mapping[str, str]) -> Path | None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if env.get(name) and Path(env[name]).is_file():
            return Path(env[name])
    if any(env.get(name, "").lower() in {"1", "true"} for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")):
        return next((Path(path) for path in SYSTEM_BUNDLES if Path(path).is_file()), None)
    return None


def _read_pip(env: Mapping[str, str], prefix: Path | None) -> IndexConfig:
    """Read pip's files, later ones over earlier, then its variables.

    The order is pip's own: https://pip.pypa.io/en/stable/topics/configuration/#precedence-override-order; a command's
    section counts more than ``[global]``, in whichever file each stands.
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in filter(Path.is_file, _pip_files(env, prefix)):
        import configparser

        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise CaptureError(f"pip's configuration {path} cannot be read: {error}; mend or remove it") from error
        for section in filter(parser.has_section, sections):
            sections[section] |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    values = {key: value for section in sections.values() for key, value in section.items() if value}
    for name, value in env.items():
        if name.startswith("PIP_") and value:
            values[name[4:].lower().replace("_", "-")] = value
    certificates = Path(values["cert"]) if "cert" in values else None
    return IndexConfig(
        index_url=values.get("index-url"),
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        certificates=certificates if certificates and certificates.is_file() else None,
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        no_index=values.get("no-index", "").lower() in {"1", "true", "t", "yes", "y", "on"},
        timeout=_seconds(values.get("timeout") or values.get("default-timeout")),
    )


def _pip_files(env: Mapping[str, str], prefix: Path | None) -> Iterable[Path]:
    chosen = env.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    home = Path(env.get("HOME", "/nonexistent"))
    for folder in reversed((env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    if not (chosen and Path(chosen).exists()):
        # pip leaves the user's files out where PIP_CONFIG_FILE names one
        yield home / ".pip" / "pip.conf"
        yield Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if prefix is not None:
        yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)


def _read_uv(env: Mapping[str, str]) -> IndexConfig:
    """Read uv's files, user's over system's, then its variables: https://docs.astral.sh/uv/concepts/configuration-files/."""
    config = IndexConfig()
    for path in _uv_files(env):
        config = _parse_uv(path, env).over(config)
    default = [_named(entry, env) for entry in env.get("UV_DEFAULT_INDEX", "").split()]
    named = [_named(entry, env) for entry in env.get("UV_INDEX", "").split()]
    variables = IndexConfig(
        index_url=next(iter(default), None) or env.get("UV_INDEX_URL") or None,
        extra_index_urls=(*named, *env.get("UV_EXTRA_INDEX_URL", "").split()),
        find_links=tuple(place for place in env.get("UV_FIND_LINKS", "").split(",") if place),
        trusted_hosts=tuple(env.get("UV_INSECURE_HOST", "").split()),
        no_index=env.get("UV_NO_INDEX", "").lower() in {"1", "true"},
    )
    return variables.over(config)


def _uv_files(env: Mapping[str, str]) -> Iterable[Path]:
    if env.get("UV_NO_CONFIG", "").lower() in {"1", "true"}:
        return
    if env.get("UV_CONFIG_FILE"):
        yield Path(env["UV_CONFIG_FILE"])
        return
    yield Path("/etc/uv/uv.toml")
    yield Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/nonexistent")) / ".config") / "uv" / "uv.toml"


def _named(entry: str, env: Mapping[str, str]) -> str:
    """Return the URL of ``NAME=URL`` or ``URL``."""
    name, equals, url = entry.partition("=")
    return _with_login(url, name, env) if equals and re.fullmatch(r"[\w.-]+", name) else entry


def _with_login(url: str, name: str, env: Mapping[str, str]) -> str:
    """Put in the login that uv takes for an index of this name from variables, where the URL has none of its own.

    https://docs.astral.sh/uv/concepts/indexes/#providing-credentials-directly
    """
    variable = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    user, password = env.get(f"{variable}_USERNAME", ""), env.get(f"{variable}_PASSWORD", "")
    parts = split_url(url)
    if not (user or password) or "@" in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def _parse_uv(path: Path, env: Mapping[str, str]) -> IndexConfig:
    if not path.is_file():
        return IndexConfig()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CaptureError(f"uv's configuration {path} cannot be read: {error}; mend or remove it") from error
    return uv_settings(document, env)


def uv_settings(document: Mapping[str, Any], env: Mapping[str, str], *, explicit: bool = True) -> IndexConfig:
    """Read what uv.toml, or the table ``[tool.uv]`` of a project, says of indexes.

    Args:
        document: the tables.
        env: holds the logins of named indexes.
        explicit: whether indexes count that serve only the packages which a project assigns to them.
    """
    tables: list[Mapping[str, Any]] = [table for table in (document, document.get("pip")) if isinstance(table, dict)]
    listed = [table.get("index") for table in tables]
    indexes = [entry for value in listed if isinstance(value, list) for entry in value if isinstance(entry, dict)]
    urls = [
        (entry, _with_login(str(entry["url"]), str(entry.get("name", "")), env))
        for entry in indexes
        if "url" in entry and (explicit or not entry.get("explicit"))
    ]
    default = [url for entry, url in urls if entry.get("default")]
    return IndexConfig(
        index_url=next((str(url) for url in (*default, *_strings(tables, "index-url"))), None),
        extra_index_urls=(
            *(url for entry, url in urls if not entry.get("default")),
            *_strings(tables, "extra-index-url"),
        ),
        find_links=tuple(_strings(tables, "find-links")),
        trusted_hosts=tuple(_strings(tables, "allow-insecure-host")),
        no_index=any(table.get("no-index") is True for table in tables),
    )


def _strings(tables: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    values = (table.get(key) for table in tables)
    return [str(item) for value in values if value for item in (value if isinstance(value, list) else [value])]


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
