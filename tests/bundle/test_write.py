"""A bundle takes the place of a bundle alone."""

from pathlib import Path

import pytest

from envsnap.bundle.write import place_of
from envsnap.errors import BundleError

from .conftest import MakeBundle


def test_a_bundle_may_be_made_anew(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """As an archive and as a folder; what an interrupted try left may be gone on with."""
    for name in ("bundle", "bundle.tar"):
        assert tmp_path / name == place_of(make_bundle(name)).path
    (tmp_path / "new.tar.parts" / "blobs").mkdir(parents=True)

    assert tmp_path / "new.tar.parts" == place_of(tmp_path / "new.tar").root


@pytest.mark.parametrize(
    ("there", "wanted", "message"),
    [
        ("data.tar", "data.tar", "is no bundle and would be overwritten"),
        ("data.tar.parts/notes", "data.tar", "holds notes, which belongs to no bundle"),
        ("folder/notes", "folder", "holds notes, which belongs to no bundle"),
        ("file", "file", "is a file and would be overwritten"),
        ("folder.tar/notes", "folder.tar", "is a folder"),
    ],
)
def test_what_is_the_users_own_is_left_alone(tmp_path: Path, there: str, wanted: str, message: str) -> None:
    """Nothing is written."""
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine")

    with pytest.raises(BundleError, match=message):
        place_of(tmp_path / wanted)

    assert "mine" == (tmp_path / there).read_text()
