"""provenance_url.json is read as PEP 710 describes it, and keeps no secret."""

import json

import pytest

from envsnap.lock.provenance import parse_provenance
from envsnap.manifest.package import Provenance


def test_url_and_hashes_are_kept_without_a_login() -> None:
    """A private index's password may stand in the URL; what is no digest is not taken for one."""
    url = "https://user:secret@index.example/files/demo-1.0-py3-none-any.whl?token=secret#x"
    text = json.dumps({"url": url, "archive_info": {"hashes": {"sha256": "ab" * 32, "odd": "no digest"}}})

    expected = Provenance(url="https://index.example/files/demo-1.0-py3-none-any.whl", hashes={"sha256": "ab" * 32})

    assert expected == parse_provenance(text)


@pytest.mark.parametrize("text", ["", "\n", "{", "[]", '{"archive_info": {}}', '{"url": 1}'])
def test_what_is_no_provenance_is_none(text: str) -> None:
    """The file is as untrusted as the package."""
    assert parse_provenance(text) is None
