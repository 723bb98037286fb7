"""What did not come from an index is made here, and tells of no login."""

from pathlib import Path

import pytest

from envsnap.capture.direct_url import parse_direct_url
from envsnap.lock.files import OnThisMachine
from envsnap.lock.made_here import checkout_of


@pytest.mark.parametrize("login", ["user:pass@", "t0ken@", "user:p@ss@"])
def test_checkout_has_no_login(login: str) -> None:
    """A lock is shared."""
    info = '"vcs_info": {"vcs": "git", "commit_id": "c"}, "subdirectory": "s"'
    direct = parse_direct_url(f'{{"url": "https://{login}git.example/a.git", {info}}}')
    assert direct is not None

    vcs = checkout_of(direct)

    assert ("https://git.example/a.git", "s") == (vcs and (vcs.url, vcs.subdirectory))


def test_folder_is_one_that_is_there(tmp_path: Path) -> None:
    """A URL with escapes names a path of this machine; a tree that is gone is none."""
    (tmp_path / "a b").mkdir()
    there = parse_direct_url(f'{{"url": "{(tmp_path / "a b").as_uri()}", "dir_info": {{}}}}')
    gone = parse_direct_url(f'{{"url": "{(tmp_path / "gone").as_uri()}", "dir_info": {{}}}}')
    assert there is not None
    assert gone is not None

    files = OnThisMachine(tmp_path)

    assert (tmp_path / "a b", None) == (files.source_tree(there), files.source_tree(gone))
