"""direct_url.json and provenance_url.json are read as PEPs 610 and 710 describe them, and keep no secret."""

import json

import pytest

from envsnap.capture.direct_url import parse_direct_url, parse_provenance
from envsnap.manifest.package import Provenance


@pytest.mark.parametrize("text", ["", "  ", "{", "[]", '{"archive_info": {}}', '{"url": 1}'])
def test_what_is_no_direct_url_is_none(text: str) -> None:
    """The indexes are asked then, and prove what they serve."""
    assert parse_direct_url(text) is None


@pytest.mark.parametrize("info", ['{"hashes": {"sha256": "ab"}}', '{"hash": "sha256=ab"}'])
def test_both_spellings_of_a_hash(info: str) -> None:
    """Older installers write one ``hash``."""
    direct = parse_direct_url(f'{{"url": "https://files.example/a.whl", "archive_info": {info}}}')

    assert "ab" == (direct and direct.archive_info and direct.archive_info.sha256)


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
