"""Where pip and uv on this machine look for packages, and which certificates they trust."""

import configparser
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from envsnap.errors import CaptureError

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
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    certificates: Path | None = None
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False

    @property
    def local_folders(self) -> tuple[Path, ...]:
        """Folders of ``find_links`` on this machine."""
        paths = (local_path(place) for place in self.find_links)
        return tuple(path for path in paths if path is not None and path.is_dir())


def read_index_config(env: Mapping[str, str], *, prefix: Path | None = None) -> IndexConfig:
    """Merge what uv and pip are configured with; uv's default index wins where both name one.

    Args:
        env: environment variables.
        prefix: prefix of the interpreter whose pip.conf counts too.
    """
    uv, pip = _read_uv(env), _read_pip(env, prefix)
    return IndexConfig(
        index_url=uv.index_url or pip.index_url,
        extra_index_urls=_unique((*uv.extra_index_urls, *pip.extra_index_urls)),
        find_links=_unique((*uv.find_links, *pip.find_links)),
        certificates=_certificates(env) or pip.certificates,
        trusted_hosts=_unique((*uv.trusted_hosts, *pip.trusted_hosts)),
        no_index=uv.no_index or pip.no_index,
    )


def reachable_elsewhere(config: IndexConfig) -> IndexConfig:
    """Keep the indexes that another machine, or a container, can reach: those on a network."""
    return replace(
        config,
        index_url=config.index_url if config.index_url and _is_remote(config.index_url) else None,
        extra_index_urls=tuple(filter(_is_remote, config.extra_index_urls)),
        find_links=tuple(filter(_is_remote, config.find_links)),
    )


def without_credentials(url: str) -> str:
    """Return the URL without user name, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def local_path(place: str) -> Path | None:
    """Return the path that a ``file://`` URL or a plain path names; None for any other URL."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in place else Path(place).expanduser()


def _is_remote(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _certificates(env: Mapping[str, str]) -> Path | None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if env.get(name) and Path(env[name]).is_file():
            return Path(env[name])
    if any(env.get(name, "").lower() in {"1", "true"} for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")):
        return next((Path(path) for path in SYSTEM_BUNDLES if Path(path).is_file()), None)
    return None


def _read_pip(env: Mapping[str, str], prefix: Path | None) -> IndexConfig:
    """Read pip's files, later ones over earlier, then its variables.

    The order is pip's own: https://pip.pypa.io/en/stable/topics/configuration/#precedence-override-order
    """
    values: dict[str, str] = {}
    for path in _pip_files(env, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise CaptureError(
                f"pip's configuration {path} cannot be read: {error}; mend or remove it"
            ) from error
        for section in ("global", "install"):
            if parser.has_section(section):
                values |= {key.replace("_", "-"): value for key, value in parser.items(section)}
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
        no_index=values.get("no-index", "").lower() in {"1", "true", "yes", "on"},
    )


def _pip_files(env: Mapping[str, str], prefix: Path | None) -> Iterable[Path]:
    chosen = env.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    home = Path(env.get("HOME", "/nonexistent"))
    for folder in reversed((env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if prefix is not None:
        yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)


def _read_uv(env: Mapping[str, str]) -> IndexConfig:
    """Read uv's files, user's over system's, then its variables: https://docs.astral.sh/uv/concepts/configuration-files/."""
    config = IndexConfig()
    home = Path(env.get("HOME", "/nonexistent"))
    for path in (
        Path("/etc/uv/uv.toml"),
        Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "uv" / "uv.toml",
    ):
        config = _over(_parse_uv(path), config)
    named = [
        entry.partition("=")[2] if re.match(r"^[\w.-]+=", entry) else entry
        for entry in env.get("UV_INDEX", "").split()
    ]
    return _over(
        IndexConfig(
            index_url=env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or None,
            extra_index_urls=(*named, *env.get("UV_EXTRA_INDEX_URL", "").split()),
            find_links=tuple(re.split(r"[\s,]+", env["UV_FIND_LINKS"])) if env.get("UV_FIND_LINKS") else (),
            trusted_hosts=tuple(env.get("UV_INSECURE_HOST", "").split()),
            no_index=env.get("UV_NO_INDEX", "").lower() in {"1", "true"},
        ),
        config,
    )


def _over(upper: IndexConfig, lower: IndexConfig) -> IndexConfig:
    return IndexConfig(
        index_url=upper.index_url or lower.index_url,
        extra_index_urls=_unique((*upper.extra_index_urls, *lower.extra_index_urls)),
        find_links=_unique((*upper.find_links, *lower.find_links)),
        trusted_hosts=_unique((*upper.trusted_hosts, *lower.trusted_hosts)),
        no_index=upper.no_index or lower.no_index,
    )


def _parse_uv(path: Path) -> IndexConfig:
    if not path.is_file():
        return IndexConfig()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CaptureError(f"uv's configuration {path} cannot be read: {error}; mend or remove it") from error
    tables: list[dict[str, Any]] = [document, document.get("pip", {})]
    indexes = [entry for table in tables for entry in table.get("index", []) if isinstance(entry, dict)]
    default = [entry["url"] for entry in indexes if entry.get("default") and "url" in entry]
    return IndexConfig(
        index_url=next((str(url) for url in (*default, *_strings(tables, "index-url"))), None),
        extra_index_urls=(
            *(str(entry["url"]) for entry in indexes if "url" in entry and not entry.get("default")),
            *_strings(tables, "extra-index-url"),
        ),
        find_links=tuple(_strings(tables, "find-links")),
        trusted_hosts=tuple(_strings(tables, "allow-insecure-host")),
        no_index=any(table.get("no-index") is True for table in tables),
    )


def _strings(tables: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    values = (table.get(key) for table in tables)
    return [
        str(item) for value in values if value for item in (value if isinstance(value, list) else [value])
    ]


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
