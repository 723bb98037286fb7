"""Files are replaced whole or not at all, and shared without being written through."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.errors import UsageError
from envsnap.host.files import (
    atomic_write,
    exclusive,
    free_space,
    link_or_copy,
    relative_to,
    sha256_bytes,
    sha256_file,
    work_folder,
)


@pytest.mark.parametrize("step", ["fsync", "fchmod", "replace"])
def test_a_write_that_fails_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A full disk or an interrupt at any step: old bytes, and nothing beside them."""
    path = tmp_path / "envsnap.lock"
    path.write_bytes(b"old")

    def fail(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, b"new")

    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


WRITER = """
import sys
from pathlib import Path
from envsnap.host.files import atomic_write
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        atomic_write(Path(sys.argv[1]), letter * 300_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """SIGKILL at any moment: a reader sees one of the two contents, never a part."""
    path = tmp_path / "file"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05)
            writer.send_signal(signal.SIGKILL)

        assert path.read_bytes() in {b"a" * 300_000, b"b" * 300_000}


def test_permissions_follow_the_umask_or_the_file_that_was_there(tmp_path: Path) -> None:
    """A new file is readable like any other; one that its owner closed stays closed."""
    (tmp_path / "closed").touch(mode=0o600)
    former = os.umask(0o027)
    try:
        atomic_write(tmp_path / "new", b"")
        atomic_write(tmp_path / "closed", b"")
    finally:
        os.umask(former)

    assert {0o640, 0o600} == {(tmp_path / name).stat().st_mode & 0o777 for name in ("new", "closed")}


def test_folders_are_made_and_long_names_fit(tmp_path: Path) -> None:
    """The temporary file's name must not outgrow the file system's limit."""
    path = tmp_path / "a" / "b" / ("n" * 250)

    atomic_write(path, b"x")

    assert b"x" == path.read_bytes()


@given(st.binary(max_size=200_000))
def test_digests_of_file_and_bytes_agree(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Both are SHA-256; the size is that of the bytes that were hashed."""
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(data)

    assert (hashlib.sha256(data).hexdigest(), len(data)) == sha256_file(path)
    assert sha256_bytes(data) == sha256_file(path)[0]


def test_linking_replaces_the_target_and_not_its_contents(tmp_path: Path) -> None:
    """A file that shared its bytes with the old target keeps them."""
    for name, text in (("source", "new"), ("target", "old")):
        (tmp_path / name).write_text(text)
    os.link(tmp_path / "target", tmp_path / "shared")

    link_or_copy(tmp_path / "source", tmp_path / "target")

    assert ("new", "old") == ((tmp_path / "target").read_text(), (tmp_path / "shared").read_text())
    assert {"source", "target", "shared"} == {path.name for path in tmp_path.iterdir()}


def test_a_link_is_followed_to_its_file(tmp_path: Path) -> None:
    """The target must outlive the link."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")

    target = link_or_copy(tmp_path / "link", tmp_path / "target")

    assert not target.is_symlink()
    assert link_or_copy(target, target) == target


def test_other_file_systems_get_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard links end at the border of a file system."""
    (tmp_path / "file").write_text("x")

    def refuse(*_arguments: object) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(os, "link", refuse)

    assert "x" == link_or_copy(tmp_path / "file", tmp_path / "target").read_text()


def test_many_may_link_at_once(tmp_path: Path) -> None:
    """Threads that lock the same wheel do not meet on the way."""
    sources = [tmp_path / f"source{number}" for number in range(8)]
    for source in sources:
        source.write_text(source.name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda source: link_or_copy(source, tmp_path / "target"), sources * 10))

    assert (tmp_path / "target").read_text() in {source.name for source in sources}
    assert [] == list(tmp_path.glob(".*"))


def test_paths_are_relative_even_outside(tmp_path: Path) -> None:
    """A lock holds no absolute path where a relative one does."""
    assert "../b/c" == relative_to(tmp_path / "b" / "c", tmp_path / "a")


def test_work_folder_ignores_itself(tmp_path: Path) -> None:
    """Nobody commits it by accident; a changed .gitignore there is the user's own."""
    assert "*\n" == (work_folder(tmp_path) / ".gitignore").read_text()
    (tmp_path / ".envsnap" / ".gitignore").write_text("mine\n")
    assert "mine\n" == (work_folder(tmp_path) / ".gitignore").read_text()


def test_a_project_is_held_by_one_command(tmp_path: Path) -> None:
    """A second one is told, and may start when the first has ended."""
    with (
        exclusive(tmp_path),
        pytest.raises(UsageError, match="another envsnap command is at work"),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass


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
