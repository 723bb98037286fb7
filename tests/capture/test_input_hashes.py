"""A digest is remembered only for exactly the file that it was made of, and a cache never hides a change."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.capture import input_hashes
from envsnap.capture.data import capture_data, check_untouched
from envsnap.capture.input_hashes import InputHashes, hash_inputs
from envsnap.errors import InputError
from envsnap.host.digests import FileState


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing begins a minute after the files were written."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60 * 10**9)


def digests(paths: Sequence[Path], cache: InputHashes | None = None) -> list[str]:
    """Hash files."""
    return [hashed.digest for hashed in hash_inputs([str(path) for path in paths], cache)]


def poisoned(project: Path) -> InputHashes:
    """The project's cache with wrong digests: where one comes back, the file was not read."""
    path = project / ".envsnap/cache/inputs.json"
    path.write_text(path.read_text().replace(hashlib.sha256(b"data").hexdigest(), "remembered"))
    return InputHashes.of(project)


def sha256(text: bytes) -> str:
    """The true digest."""
    return hashlib.sha256(text).hexdigest()


@given(sizes=st.lists(st.sampled_from([0, 1, 2047, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20]), max_size=8))
def test_every_size_is_hashed_whole_and_in_order(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    """Files are read in another order than they are told, and one that is named twice is told twice."""
    folder = tmp_path_factory.mktemp("sizes")
    texts = [bytes([index]) * size for index, size in enumerate(sizes)]
    paths = [folder / str(index) for index in range(len(sizes))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)

    assert [sha256(text) for text in texts * 2] == digests(paths * 2)


def test_many_small_files_are_told_apart(tmp_path: Path) -> None:
    """More than one thread takes at a time."""
    paths = [tmp_path / str(index) for index in range(300)]
    for path in paths:
        path.write_text(path.name)

    assert [sha256(path.name.encode()) for path in paths] == digests(paths)


@pytest.mark.usefixtures("later")
def test_a_file_that_is_as_it_was_is_not_read_again(tmp_path: Path) -> None:
    """Nor is the cache written again."""
    (tmp_path / "x").write_bytes(b"data")
    digests([tmp_path / "x"], InputHashes.of(tmp_path))
    cache = poisoned(tmp_path)
    written = (tmp_path / ".envsnap/cache/inputs.json").stat()

    assert ["remembered"] == digests([tmp_path / "x"], cache)
    assert written == (tmp_path / ".envsnap/cache/inputs.json").stat()


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("way", ["write", "replace", "link"])
def test_a_change_that_hides_its_traces_is_seen(tmp_path: Path, way: str) -> None:
    """Same name, size and time of modification: the time of the inode's change and its number tell."""
    path, other = tmp_path / "x", tmp_path / "other"
    path.write_bytes(b"data")
    other.write_bytes(b"fake")
    status = path.stat()
    digests([path], InputHashes.of(tmp_path))
    cache = poisoned(tmp_path)
    if way == "write":
        path.write_bytes(b"fake")
    elif way == "replace":
        other.replace(path)
    else:
        path.unlink()
        path.symlink_to(other)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert [sha256(b"fake")] == digests([path], cache)


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    """A later write in the same tick of the clock would leave no trace; one from the future might as well."""
    (tmp_path / "x").write_bytes(b"data")
    (tmp_path / "future").write_bytes(b"data")
    os.utime(tmp_path / "future", (2**33, 2**33))

    digests([tmp_path / "x", tmp_path / "future"], InputHashes.of(tmp_path))

    assert not (tmp_path / ".envsnap/cache/inputs.json").exists()


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version":1}', '{"version":1,"content":{"x":[1,2]}}', '{"version":0,"content":{}}', "\udcff"],
)
def test_a_damaged_cache_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    """It is written anew."""
    (tmp_path / "x").write_bytes(b"data")
    cache = tmp_path / ".envsnap/cache/inputs.json"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert [sha256(b"data")] == digests([tmp_path / "x"], InputHashes.of(tmp_path))
    assert ["remembered"] == digests([tmp_path / "x"], poisoned(tmp_path))


@pytest.mark.usefixtures("later")
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """A full or read-only disk is no reason to stop."""
    (tmp_path / "x").write_bytes(b"data")
    (tmp_path / "file").touch()

    assert [sha256(b"data")] == digests([tmp_path / "x"], InputHashes(tmp_path / "file" / "inputs.json"))


@pytest.mark.usefixtures("later")
def test_a_cache_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the last capture stay."""
    monkeypatch.setattr(input_hashes, "MOST_ENTRIES", 3)
    for name in "abcd":
        (tmp_path / name).write_text(name)
    digests([tmp_path / "a", tmp_path / "b"], InputHashes.of(tmp_path))
    digests([tmp_path / "c", tmp_path / "d"], InputHashes.of(tmp_path))
    text = (tmp_path / ".envsnap/cache/inputs.json").read_text()

    assert [False, True, True, True] == sorted(sha256(name.encode()) in text for name in "abcd")
    assert all(sha256(name.encode()) in text for name in "cd")


class Meddler(InputHashes):
    """Changes the file between its opening and its reading's end."""

    def find(self, path: str, state: FileState) -> str | None:
        """Write to the file."""
        with Path(path).open("ab") as file:
            file.write(b"more")
        return super().find(path, state)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Its digest would be that of no file that ever was."""
    (tmp_path / "x").write_bytes(b"data")

    with pytest.raises(InputError, match="x changed while it was read: end what writes to it"):
        digests([tmp_path / "x"], Meddler())


@pytest.mark.usefixtures("later")
def test_an_odd_name_can_be_remembered(tmp_path: Path) -> None:
    """JSON is UTF-8."""
    path = tmp_path / "latin-\udce9"
    path.write_bytes(b"data")
    digests([path], InputHashes.of(tmp_path))

    assert ["remembered"] == digests([path], poisoned(tmp_path))


@pytest.mark.usefixtures("later")
def test_a_job_that_restores_the_time_of_its_input_is_found_out(tmp_path: Path) -> None:
    """The check after the runs may trust the cache, in folders too."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_bytes(b"data")
    before = capture_data(["d"], tmp_path, InputHashes.of(tmp_path))
    check_untouched(["d"], tmp_path, before, InputHashes.of(tmp_path))
    status = (tmp_path / "d/x").stat()
    (tmp_path / "d/x").write_bytes(b"fake")
    os.utime(tmp_path / "d/x", ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(InputError, match="d/x differs from before the run"):
        check_untouched(["d"], tmp_path, before, InputHashes.of(tmp_path))


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three small files count as many, and one process gets two of them."""
    monkeypatch.setattr(input_hashes, "FEWEST_APART", 3)
    monkeypatch.setattr(input_hashes, "MOST_APART", 2)
    monkeypatch.setattr(input_hashes, "usable_cores", lambda: 2)


@pytest.mark.processes
@pytest.mark.usefixtures("apart", "later")
def test_many_small_files_are_hashed_in_processes_as_in_threads(tmp_path: Path) -> None:
    """Beside large ones, in the order given, names of any bytes among them; the digests are remembered."""
    (tmp_path / ".envsnap").mkdir()
    names = [os.fsdecode(name) for name in (b"a", b"\xff", b"new\nline", "ä".encode(), b"empty", b"large")]
    texts = [b"data", b"2", b"3", b"4", b"", bytes(input_hashes.SMALL_BYTES)]
    paths = [tmp_path / name for name in names]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)

    found = digests(paths + paths[:1], InputHashes.of(tmp_path))

    assert [sha256(text) for text in [*texts, b"data"]] == found
    assert "remembered" == digests(paths, poisoned(tmp_path))[0]


@pytest.mark.processes
@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("nowhere"), "is a link to nowhere, which is not there"),
        (lambda _path: None, "cannot be read: No such file or directory"),
    ],
    ids=["pipe", "broken-link", "gone"],
)
def test_a_small_file_that_cannot_be_hashed_is_named(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    """In a process as in a thread; a pipe is not waited for."""
    paths = [tmp_path / str(index) for index in range(5)]
    for path in paths[:4]:
        path.write_text(path.name)
    make(paths[4])

    with pytest.raises(InputError, match=re.escape(f"input {paths[4]} {reason}")):
        digests(paths)


@pytest.mark.processes
@pytest.mark.usefixtures("apart", "later")
def test_small_files_that_were_hashed_before_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking whether they are the same is quick."""
    (tmp_path / ".envsnap").mkdir()
    paths = [tmp_path / str(index) for index in range(5)]
    for path in paths:
        path.write_text(path.name)
    before = digests(paths, InputHashes.of(tmp_path))
    monkeypatch.setattr(input_hashes, "hash_apart", lambda *_: pytest.fail("a process was started"))

    assert before == digests(paths, InputHashes.of(tmp_path))
