"""What an installer noted of where a distribution came from: direct_url.json and provenance_url.json."""

import re
from typing import TypeVar

import msgspec

from envsnap.host.credentials import without_credentials
from envsnap.manifest.installed import DirectUrl
from envsnap.manifest.package import Provenance

DIGEST = re.compile(r"[0-9a-f]{32,128}")
LONGEST_URL = 4096
T = TypeVar("T")


class _ArchiveInfo(msgspec.Struct, frozen=True):
    hashes: dict[str, str] = {}


class _ProvenanceUrl(msgspec.Struct, frozen=True):
    url: str
    archive_info: _ArchiveInfo = _ArchiveInfo()


def parse_direct_url(text: str) -> DirectUrl | None:
    """Read direct_url.json; None where there is none, or it is not what PEP 610 describes."""
    return _parse(text, DirectUrl)


def parse_provenance(text: str) -> Provenance | None:
    """Read provenance_url.json; None where there is none, or it is not what PEP 710 describes.

    The URL loses user name, password and query: https://peps.python.org/pep-0710/#security-implications
    """
    found = _parse(text, _ProvenanceUrl)
    if found is None:
        return None
    hashes = {name: digest for name, digest in found.archive_info.hashes.items() if DIGEST.fullmatch(digest)}
    return Provenance(url=without_credentials(found.url)[:LONGEST_URL], hashes=dict(sorted(hashes.items())))


def _parse(text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except ValueError:  # as msgspec's errors are
        return None
