"""Free space is told for places that are not there yet, too."""

import os
from pathlib import Path

import pytest

from envsnap.host.disk import free_space


def test_free_space_is_the_file_system_s_own(tmp_path: Path) -> None:
    """A folder that is still to be made counts as the one above it; the number is what this user may write."""
    told = os.statvfs(tmp_path)

    found = free_space(tmp_path / "not" / "there")

    assert found is not None
    assert tmp_path.stat().st_dev == found[0]
    assert found[1] == pytest.approx(told.f_bavail * told.f_frsize, rel=0.05)


def test_place_below_a_file_is_judged_by_its_folder(tmp_path: Path) -> None:
    """A damaged project is no traceback."""
    (tmp_path / "file").touch()

    found = free_space(tmp_path / "file" / "below")

    assert found is not None
    assert tmp_path.stat().st_dev == found[0]


def test_place_that_cannot_be_asked_is_not_told(tmp_path: Path) -> None:
    """A name too long for any file system."""
    assert free_space(tmp_path / ("x" * 5000)) is None
