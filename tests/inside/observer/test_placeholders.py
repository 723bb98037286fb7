"""The folders of this machine are not named where a lock or a report names a file."""

from pathlib import Path

import pytest

from envsnap.inside.observer._envsnap.placeholders import in_path, in_text


def test_a_folder_is_replaced_only_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sibling whose name begins alike keeps its own name; the longest folder wins."""
    monkeypatch.setattr("sys.prefix", "/srv/env")
    monkeypatch.setattr("sys.base_prefix", "/srv")

    assert "{prefix}/lib {base}/env2/lib" == in_text("/srv/env/lib /srv/env2/lib")


def test_the_users_home_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a folder taken for another one whose name it begins."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "env"))

    paths = (tmp_path / "me/x", tmp_path / "meadow/x", tmp_path / "env/x", tmp_path / "env")

    assert ["~/x", f"{tmp_path}/meadow/x", "{prefix}/x", "{prefix}"] == [in_path(str(path)) for path in paths]
