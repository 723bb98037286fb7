"""What an installer noted of where a distribution came from: direct_url.json and provenance_url.json."""

import re

import msgspec

from envsnap.host.credentials import without_credentials
from envsnap.manifest.installed import DirectUrl
from envsnap.manifest.package import Provenance

DIGEST = re.compile(r"[0-9a-f]{32,128}")
LONGEST_URL = 4096


class _ArchiveInfo(msgspec.Struct, frozen=True):
    hashes: dict[str, str] = {}


class _ProvenanceUrl(msgspec.Struct, frozen=True):
    url: str
    archive_info: _ArchiveInfo = _ArchiveInfo()


def parse_direct_url(text: str) -> DirectUrl | None:
    """Read direct_url.json; None where there is none, or it is not what PEP 610 describes."""
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=DirectUrl)
    except (msgspec.DecodeError, ValueError):
        return None


def parse_provenance(text: str) -> Provenance | None:
    """Read provenance_url.json; None where there is none, or it is not what PEP 710 describes.

    The URL loses user name, password and query: https://peps.python.org/pep-0710/#security-implications
    """
    if not text.strip():
        return None
    try:
        found = msgspec.json.decode(text, type=_ProvenanceUrl)
    except (msgspec.DecodeError, ValueError):
        return None
    hashes = {name: digest for name, digest in found.archive_info.hashes.items() if DIGEST.fullmatch(digest)}
    return Provenance(url=without_credentials(found.url)[:LONGEST_URL], hashes=dict(sorted(hashes.items())))
