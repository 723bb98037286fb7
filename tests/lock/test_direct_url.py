"""direct_url.json is read as PEP 610 describes it, and never leaks a login."""

from pathlib import Path

import pytest

from envsnap.lock.direct_url import parse_direct_url


@pytest.mark.parametrize("text", ["", "  ", "{", "[]", '{"archive_info": {}}', '{"url": 1}'])
def test_what_is_no_direct_url_is_none(text: str) -> None:
    """The indexes are asked then, and prove what they serve."""
    assert parse_direct_url(text) is None


@pytest.mark.parametrize("info", ['{"hashes": {"sha256": "ab"}}', '{"hash": "sha256=ab"}'])
def test_both_spellings_of_a_hash(info: str) -> None:
    """Older installers write one ``hash``."""
    direct = parse_direct_url(f'{{"url": "https://files.example/a.whl", "archive_info": {info}}}')

    assert "ab" == (direct and direct.archive_info and direct.archive_info.sha256)


@pytest.mark.parametrize("login", ["user:pass@", "t0ken@", "user:p@ss@"])
def test_checkout_has_no_login(login: str) -> None:
    """A lock is shared."""
    vcs = '"vcs_info": {"vcs": "git", "commit_id": "c"}, "subdirectory": "s"'
    direct = parse_direct_url(f'{{"url": "https://{login}git.example/a.git", {vcs}}}')

    assert ("https://git.example/a.git", "s") == (direct and direct.vcs and (direct.vcs.url, direct.vcs.subdirectory))


def test_folder_is_one_that_is_there(tmp_path: Path) -> None:
    """A URL with escapes names a path of this machine; a tree that is gone is none."""
    (tmp_path / "a b").mkdir()
    there = parse_direct_url(f'{{"url": "{(tmp_path / "a b").as_uri()}", "dir_info": {{}}}}')
    gone = parse_direct_url(f'{{"url": "{(tmp_path / "gone").as_uri()}", "dir_info": {{}}}}')

    assert (tmp_path / "a b", None) == (there and there.folder, gone and gone.folder)
