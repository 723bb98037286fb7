"""Conda's records of a manifest, checked and put in order for the formats that conda's tools read."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from envsnap.manifest.manifest import CondaPackage, Contents
from envsnap.render.export_file import OmittedPackage

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9!+._-]*")
_BUILD = re.compile(r"[A-Za-z0-9_.+-]+")
_SUBDIR = re.compile(r"[a-z0-9_-]+")
_CHANNEL = re.compile(r"[A-Za-z0-9][^\s\x00-\x1f\x7f'\"\\$`;#,\[\]{}<>|*]*")
_URL = re.compile(r"(https?|file)://[^\s\x00-\x1f\x7f'\"\\$`;#]+\.(conda|tar\.bz2)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
"""A manifest is untrusted, and its conda tables are plain text: these are why none can add a line or an option."""
TWICE = "conda-meta holds another record of this name"


def select_specifiable(contents: Contents) -> tuple[tuple[CondaPackage, ...], tuple[OmittedPackage, ...]]:
    """Return the records that name, version and build tell, in order of name; and those that are damaged."""
    return _sorted_out(contents, _unspecifiable)


def select_downloadable(contents: Contents) -> tuple[tuple[CondaPackage, ...], tuple[OmittedPackage, ...]]:
    """Return the records that name a file and a hash of it, in order of name; and the others."""
    return _sorted_out(contents, lambda record: _unspecifiable(record) or _undownloadable(record))


def select_lockable(contents: Contents) -> tuple[tuple[CondaPackage, ...], tuple[OmittedPackage, ...]]:
    """Return the records that conda-lock's format holds, in order of name; and the others: it demands an MD5."""
    return _sorted_out(
        contents, lambda record: _unspecifiable(record) or _undownloadable(record) or _without_md5(record)
    )


def _sorted_out(
    contents: Contents, problem_of: Callable[[CondaPackage], str]
) -> tuple[tuple[CondaPackage, ...], tuple[OmittedPackage, ...]]:
    held: dict[str, CondaPackage] = {}
    lacking = []
    for record in sorted(contents.conda.packages if contents.conda else (), key=msgspec.structs.astuple):
        problem = problem_of(record) or (TWICE if record.name in held else "")
        if problem:
            lacking.append(OmittedPackage(name=record.name, version=record.version, reason=problem))
        else:
            held[record.name] = record
    return tuple(held.values()), tuple(sorted(lacking))


def _unspecifiable(record: CondaPackage) -> str:
    facts = (("name", _NAME), ("version", _VERSION), ("build", _BUILD))
    for key, pattern in facts:
        value = getattr(record, key)
        if not pattern.fullmatch(value):
            return f"its record in conda-meta has no {key} that conda could read ({value!r})"
    return ""


def _undownloadable(record: CondaPackage) -> str:
    if archive_url(record) is None:
        return "its record in conda-meta names no archive by URL"
    if _SHA256.fullmatch(record.sha256) or (not record.sha256 and _MD5.fullmatch(record.md5)):
        return ""
    return "its record in conda-meta holds no hash of the archive"


def _without_md5(record: CondaPackage) -> str:
    if _MD5.fullmatch(record.md5):
        return ""
    return "its record in conda-meta holds no MD5, and conda-lock's format demands one: conda-explicit takes SHA-256"


def subdir_of(contents: Contents, records: Iterable[CondaPackage]) -> str:
    """Return conda's word for the platform: the one of the records that depend on one, else the machine's."""
    found = sorted({record.subdir for record in records if _SUBDIR.fullmatch(record.subdir)} - {"noarch"})
    own = contents.platform.conda_subdir
    return own if own in found or not found else found[0]


def channels_of(records: Iterable[CondaPackage]) -> tuple[str, ...]:
    """Return the channels, the one that served most first: it is the one that the environment was made from."""
    counted = Counter(filter(None, (channel_of(record) for record in records)))
    return tuple(sorted(counted, key=lambda channel: (-counted[channel], channel)))


def channel_of(record: CondaPackage) -> str:
    """Return the channel that a record's archive lies in; "" where it names none."""
    base, _, _ = record.url.rpartition(f"/{record.subdir}/")
    channel = base if base and archive_url(record) else record.channel.rstrip("/")
    return channel if _CHANNEL.fullmatch(channel) else ""


def archive_url(record: CondaPackage) -> str | None:
    """Return where a record's archive lies; None where it does not say so."""
    return record.url if _URL.fullmatch(record.url) else None


def order_by_need(records: tuple[CondaPackage, ...]) -> tuple[CondaPackage, ...]:
    """Put what a package needs before it: who reads an explicit list may install line by line (CEP 23).

    Conda's packages can need each other in a circle, as python and pip did: the first by name then comes last.
    """
    by_name = {record.name: record for record in records}
    ordered: dict[str, CondaPackage] = {}
    begun: set[str] = set()
    for record in records:
        for name in _needed(record.name, by_name, begun):
            ordered[name] = by_name[name]
    return tuple(ordered.values())


def _needed(name: str, by_name: dict[str, CondaPackage], begun: set[str]) -> Iterator[str]:
    """Give a package and all that it needs, deepest first, without recursion: a manifest chooses the depth."""
    stack = [] if name in begun else [(name, iter(sorted(dependencies(by_name[name]))))]
    begun.add(name)
    while stack:
        current, needs = stack[-1]
        following = next((need for need in needs if need in by_name and need not in begun), None)
        if following is None:
            stack.pop()
            yield current
        else:
            begun.add(following)
            stack.append((following, iter(sorted(dependencies(by_name[following])))))


def dependencies(record: CondaPackage) -> dict[str, str]:
    """Return what a package needs: match specifications by name, those of one name joined."""
    found: dict[str, str] = {}
    for text in record.depends or ():
        name, _, rest = text.strip().partition(" ")
        if _NAME.fullmatch(name):
            found[name] = ",".join(filter(None, (found.get(name, ""), rest.strip())))
    return found


def describe_overwritten(records: Iterable[CondaPackage]) -> Iterator[str]:
    """Tell of records that do not describe what is there any more."""
    for record in records:
        if record.overwritten_by:
            yield f"conda's {record.name} {record.version} was overwritten since, by {record.overwritten_by}"
