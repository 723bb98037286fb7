import contextlib
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from envsnap.compare.files import check_file, have_same_bytes, read_output
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat

from .conftest import Write

CHUNK = 256 * 1024


@pytest.mark.parametrize("change", [None, 0, CHUNK - 1, CHUNK, 2 * CHUNK + 4])
def test_files_are_the_same_where_every_byte_is(write: Write, change: int | None) -> None:
    """One byte anywhere makes another file."""
    content = bytes(range(256)) * 2048 + b"ending"
    other = bytearray(content)
    if change is not None:
        other[change] ^= 1

    assert (change is None) == have_same_bytes(write("one", content), write("other", bytes(other)))


def test_a_file_that_goes_on_is_another(write: Write) -> None:
    """The same beginning is not enough, whichever is the longer."""
    short, long = write("short", b"a"), write("long", b"ab")

    assert [False, False] == [have_same_bytes(short, long), have_same_bytes(long, short)]
    assert have_same_bytes(write("empty", b""), write("other", b""))


def test_bytes_that_cannot_be_read_are_an_output_error(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(OutputError, match=r"^it cannot be read: No such file or directory$"):
        have_same_bytes(tmp_path / "gone", tmp_path / "gone")
    with pytest.raises(OutputError, match=r"^it cannot be read: Is a directory$"):
        have_same_bytes(tmp_path, tmp_path)


def test_only_a_plain_file_with_content_can_be_read(tmp_path: Path, write: Write) -> None:
    """Each other thing is named for what it is."""
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        None: "it was never written",
        tmp_path / "gone": "it is missing",
        tmp_path: "it is no plain file",
        tmp_path / "pipe": "it is no plain file",
        write("empty", ""): "it is empty",
        tmp_path / ("x" * 300): "it cannot be read: File name too long",
    }

    for path, reason in reasons.items():
        with pytest.raises(OutputError) as caught:
            check_file(path)
        assert reason == str(caught.value)
    assert write("one", "1") == check_file(tmp_path / "one")


@pytest.mark.parametrize(
    ("kind", "name"), [("json", "a"), ("jsonl", "a"), ("csv", "a"), ("npy", ""), ("npz", "a"), ("safetensors", "a")]
)
def test_each_format_has_its_reader(tmp_path: Path, kind: OutputFormat, name: str) -> None:
    """The declared format decides, not what the file is called."""
    path = tmp_path / "out.bin"
    match kind:
        case "json" | "jsonl":
            path.write_text(json.dumps({"a": 1.5}))
        case "csv":
            path.write_text("a\n1.5\n")
        case "npy":
            with path.open("wb") as stream:
                np.save(stream, np.ones(2))
        case "npz":
            with path.open("wb") as stream:
                np.savez(stream, a=np.ones(2))
        case "safetensors":
            save_file({"a": np.ones(2)}, path)

    assert [name] == list(read_output(path, kind))


def test_a_layout_tells_how_a_table_is_written(write: Write) -> None:
    """It reaches the reader of tables, which takes a row of numbers for values otherwise."""
    table = write("table", "1,2\n3,4\n")

    assert ["column 1", "column 2"] == list(read_output(table, "csv"))
    assert ["1", "2"] == list(read_output(table, "csv", Layout(header=True)))


@contextlib.contextmanager
def no_more_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_the_system_refuses_to_open_is_an_output_error(write: Write) -> None:
    """With the system's reason, here that too many files are open."""
    path = write("out.json", '{"a": 1}')

    with no_more_open_files(), pytest.raises(OutputError, match=r"^it cannot be read: Too many open files$"):
        read_output(path, "json")
