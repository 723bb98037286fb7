"""Pipfile.lock: https://github.com/pypa/pipfile, as pipenv writes it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from envsnap.errors import CaptureError, InvalidFileError, UsageError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import ResolutionRequest
from envsnap.lock.specification.parsed import Line, Requirements
from envsnap.lock.specification.specification_file import SourceFile, convert_document, read_source
from envsnap.manifest.package import normalise_name
from envsnap.manifest.toml import parse_toml

SPEC = 6
"""The number of the format; it has not changed since 2017."""
VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
DEFAULT = "default"
PIPFILE = "Pipfile"
CATEGORIES = {"packages": DEFAULT, "dev-packages": "develop"}
"""Of the Pipfile, and what the lock calls them; others have one name in both."""
SETTINGS = frozenset({"source", "requires", "scripts", "pipenv", "pipfile"})


class _Source(msgspec.Struct, frozen=True):
    url: str
    name: str = ""
    verify_ssl: bool = True


class _Meta(msgspec.Struct, frozen=True, rename={"pipfile_spec": "pipfile-spec"}):
    pipfile_spec: int
    sources: tuple[_Source, ...] = ()


class _Entry(msgspec.Struct, frozen=True):
    """One package; a release from an index has ``version``, one of the others has none."""

    version: str | None = None
    hashes: tuple[str, ...] = ()
    markers: str = ""
    index: str = ""
    file: str | None = None
    path: str | None = None
    git: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None


def read_pipfile_lock(source: SourceFile, env: Mapping[str, str], *, groups: Sequence[str]) -> Requirements:
    """Read the packages of ``default`` and of the further ``groups``, such as ``develop``.

    Args:
        source: Pipfile.lock; the Pipfile beside it, where there is one, tells what was asked for directly.
        env: fills ``${VARIABLES}`` in the URLs of sources in.
        groups: categories beside ``default``.

    Raises:
        InvalidFileError: not JSON, or not what pipenv writes.
        UsageError: there is no such category.
        CaptureError: a package comes from version control or from a folder.
    """
    try:
        document = msgspec.json.decode(source.text, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidFileError(f"{source.name}: not valid JSON: {error}") from error
    meta = convert_document(document.pop("_meta", None), _Meta, f"{source.name}: _meta")
    if meta.pipfile_spec != SPEC:
        raise InvalidFileError(f"{source.name}: pipfile-spec is {meta.pipfile_spec}, and envsnap reads {SPEC}")
    asked, files = _asked(source)
    lines: dict[str, Line] = {}
    for group in dict.fromkeys((DEFAULT, *groups)):
        if group not in document:
            known = ", ".join(sorted(document))
            raise UsageError(f"--group {group}: {source.name} has no such category; it has {known}")
        entries = convert_document(document[group], dict[str, _Entry], f"{source.name}: {group}")
        found = {line.name: line for line in _lines(entries, source.name, group, asked)}
        lacking = sorted((asked or {}).get(group, frozenset()) - found.keys())
        if lacking:
            raise CaptureError(
                f"{source.name} is older than {PIPFILE} and lacks {', '.join(lacking)}: run 'pipenv lock'"
            )
        lines = found | lines  # a package of several categories stands as in the first one
    return Requirements(
        files=files,
        lines=tuple(lines.values()),
        indexes=_indexes(meta, env),
        hash_mode=any(line.hashes for line in lines.values()),
        request=ResolutionRequest(pinned=True),
    )


def _lines(
    entries: Mapping[str, _Entry], name: str, group: str, asked: Mapping[str, frozenset[str]] | None
) -> Iterator[Line]:
    for project, entry in entries.items():
        where = f"{name}: {group}.{project}"
        if entry.version is None and entry.file is None:
            kind = next((kind for kind in ("git", "hg", "svn", "bzr") if getattr(entry, kind)), "a folder")
            raise CaptureError(
                f"{where} comes from {kind}, and envsnap builds nothing that a Pipfile.lock names: build its wheel, "
                "install everything, and lock the environment with 'envsnap freeze'"
            )
        pin = f" @ {entry.file}" if entry.file else entry.version
        try:
            requirement = Requirement(f"{project}{pin}" + (f" ; {entry.markers}" if entry.markers else ""))
        except InvalidRequirement as error:
            raise InvalidFileError(f"{where}: {str(error).splitlines()[0]}") from error
        yield Line(
            text=str(requirement),
            where=where,
            requirement=requirement,
            hashes=frozenset(entry.hashes),
            is_asked=asked is None or normalise_name(project) in asked.get(group, frozenset()),
        )


def _asked(source: SourceFile) -> tuple[Mapping[str, frozenset[str]] | None, tuple[SourceFile, ...]]:
    """Name by category what the Pipfile beside the lock asks for; None where there is none."""
    beside = source.path.parent / PIPFILE
    if not beside.is_file():
        return None, (source,)
    pipfile = read_source(beside)
    tables = parse_toml(pipfile.text, source=pipfile.name)
    asked = {
        CATEGORIES.get(key, key): frozenset(map(normalise_name, table))
        for key, table in tables.items()
        if key not in SETTINGS and isinstance(table, dict)
    }
    return asked, (source, pipfile)


def _indexes(meta: _Meta, env: Mapping[str, str]) -> IndexConfig:
    urls = [VARIABLE.sub(lambda match: env.get(match[1] or match[2], match[0]), item.url) for item in meta.sources]
    hosts = [urlsplit(url).hostname or "" for url, item in zip(urls, meta.sources, strict=True) if not item.verify_ssl]
    return IndexConfig(
        index_url=next(iter(urls), None), extra_index_urls=tuple(urls[1:]), trusted_hosts=tuple(filter(None, hosts))
    )
