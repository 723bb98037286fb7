"""Inputs are hashed to the last byte, through links and odd names, and a change is traced to its file."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.capture.data import CapturedData, capture_data, check_data, check_untouched
from envsnap.errors import InputError


def write(folder: Path, *names: str) -> None:
    """Write files whose contents are their names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def changes(before: CapturedData, after: CapturedData) -> tuple[str, ...]:
    """Check what is there now against what was recorded."""
    return check_data(before.data, after, before.listings)


def test_globs_name_each_file_once(tmp_path: Path) -> None:
    """``*`` stays in its folder, ``**`` goes down; what two patterns match is one input."""
    write(tmp_path, "d/a.csv", "d/b.txt", "d/deep/er/c.csv")

    found = capture_data(["d/*.csv", "d/**/*.csv", "d/../d/a.csv"], tmp_path)

    assert ["d/a.csv", "d/deep/er/c.csv"] == [datum.path for datum in found.data]
    assert (hashlib.sha256(b"d/a.csv").hexdigest(), 7, 0) == (
        found.data[0].sha256,
        found.data[0].size,
        found.data[0].files,
    )


def test_two_stars_alone_name_files_and_no_folders(tmp_path: Path) -> None:
    """A folder among them would hash its files twice."""
    write(tmp_path, "d/a", "d/deep/b")

    assert ["d/a", "d/deep/b"] == [datum.path for datum in capture_data(["d/**"], tmp_path).data]


def test_a_folder_is_one_input(tmp_path: Path) -> None:
    """Its digest covers names and contents of all files below, and equals that of its listing."""
    write(tmp_path, "d/a", "d/deep/b")

    datum = (found := capture_data(["d"], tmp_path)).data[0]

    assert ("d", 2, len("d/a") + len("d/deep/b")) == (datum.path, datum.files, datum.size)
    assert datum.sha256 == hashlib.sha256(found.listings[datum.sha256].encode()).hexdigest()


def test_one_changed_byte_in_a_folder_names_the_file(tmp_path: Path) -> None:
    """So do a file that is new and one that is gone."""
    write(tmp_path, "d/same", "d/changed", "d/gone")
    before = capture_data(["d"], tmp_path)
    (tmp_path / "d/gone").unlink()
    (tmp_path / "d/changed").write_text("d/chanGed")
    write(tmp_path, "d/new")

    expected = tuple(f"d/{name} differs from the lock" for name in ("changed", "gone", "new"))

    assert expected == changes(before, capture_data(["d"], tmp_path))


def test_a_changed_file_says_by_how_much(tmp_path: Path) -> None:
    """Size and digests are named; a missing and a new input too; without a listing, the folder as a whole."""
    write(tmp_path, "a", "b", "d/x")
    before = capture_data(["[ab]", "d"], tmp_path)
    (tmp_path / "a").write_text("longer")
    (tmp_path / "d/x").write_text("longer")
    (tmp_path / "b").rename(tmp_path / "c")
    after = capture_data(["[abc]", "d"], tmp_path)

    told = check_data(before.data, after, {})

    assert told[0].startswith("a differs from the lock: sha256 ")
    assert told[0].endswith(", 1 -> 6 bytes")
    assert ("b is missing", "c is new: the lock does not have it") == told[1:3]
    assert told[3].startswith("d differs from the lock: ")


@given(names=st.sets(st.sampled_from(["a\nb", "a\\nb", "a\rb", "a\x85b", "a\u2028b", "a b", 'a"b', "a\udce9b", "ab"])))
def test_odd_names_are_told_apart(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    """A listing has a line for each file, whatever its name, and is text that can be stored."""
    folder = tmp_path_factory.mktemp("odd")
    write(folder, "d/first")
    for name in names:
        (folder / "d" / name).write_bytes(b"x")
    found = capture_data(["d"], folder)
    listing = found.listings[found.data[0].sha256]

    assert 1 + len(names) == found.data[0].files == listing.count("\n") == len(listing.encode().split(b"\n")) - 1
    assert 1 + len(names) == len(set(listing.split("\n")[:-1]))
    for name in names:
        (folder / "d" / name).write_bytes(b"y")
    assert len(names) == len(changes(found, capture_data(["d"], folder)))


def test_links_are_followed_and_their_places_named(tmp_path: Path) -> None:
    """A container must see where the bytes really lie: of a linked file, folder, and a folder in a folder."""
    project = tmp_path / "project"
    write(tmp_path, "store/big", "store/tree/x", "elsewhere/file")
    write(project, "inside", "d/own")
    (project / "file").symlink_to(tmp_path / "elsewhere/file")
    (project / "here").symlink_to("inside")
    (project / "d/tree").symlink_to(tmp_path / "store/tree")
    (project / "d/big").symlink_to(tmp_path / "store/big")

    found = capture_data(["file", "here", "d"], project)

    assert {"d": 3, "file": 0, "here": 0} == {datum.path: datum.files for datum in found.data}
    assert (tmp_path / "elsewhere/file", tmp_path / "store/big", tmp_path / "store/tree") == found.outside
    (tmp_path / "store/tree/x").write_text("changed")
    assert ("d/tree/x differs from the lock",) == changes(found, capture_data(["file", "here", "d"], project))


def test_absolute_inputs_lie_outside(tmp_path: Path) -> None:
    """They keep their path."""
    write(tmp_path, "store/a", "project/x")

    found = capture_data([str(tmp_path / "store/*")], tmp_path / "project")

    assert (str(tmp_path / "store/a"), (tmp_path / "store/a",)) == (found.data[0].path, found.outside)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    """Following it would never end."""
    write(tmp_path, "d/e/x")
    (tmp_path / "d/e/up").symlink_to("..")

    with pytest.raises(InputError, match="d/e/up links to a folder that holds it"):
        capture_data(["d"], tmp_path)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("gone/*.csv", "input 'gone/\\*\\.csv' matches nothing in .*: fetch the data, or correct job.inputs"),
        ("broken", "broken is a link to nowhere, which is not there"),
        ("pipe", "pipe is not a regular file"),
        ("special", "special/pipe is not a regular file"),
        ("empty", "input folder empty holds no files"),
    ],
)
def test_what_cannot_be_an_input_is_named(tmp_path: Path, pattern: str, message: str) -> None:
    """Nothing is skipped silently, and nothing is waited for: reading a pipe would never end."""
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "special").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "special/pipe")

    with pytest.raises(InputError, match=message):
        capture_data([pattern], tmp_path)


@pytest.mark.parametrize("step", ["open", "scandir"])
def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A folder without permission is no empty folder."""
    write(tmp_path, "d/x")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, step, refuse)

    with pytest.raises(InputError, match=r"d(/x)? cannot be read: Permission denied"):
        capture_data(["d"], tmp_path)


def test_job_that_changes_its_own_input_is_named(tmp_path: Path) -> None:
    """The next run would read other data than the one before."""
    (tmp_path / "x.csv").write_text("1")
    before = capture_data(["*.csv"], tmp_path)
    check_untouched(["*.csv"], tmp_path, before)
    (tmp_path / "x.csv").write_text("2")

    with pytest.raises(InputError, match=r"the job changed its own inputs:\n  x\.csv differs from before the run"):
        check_untouched(["*.csv"], tmp_path, before)
