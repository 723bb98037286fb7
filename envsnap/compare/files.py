"""Opens an output file under its declared format; whatever is wrong with it comes back as one kind of error."""

from pathlib import Path
from typing import Final, assert_never

from envsnap.compare.arrays import read_npy, read_npz, read_safetensors
from envsnap.compare.reading import Reading
from envsnap.compare.tables import PLAIN, read_csv
from envsnap.compare.text import read_json, read_jsonl
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import OutputFormat

_CHUNK: Final = 256 * 1024


def read_output(path: Path | None, kind: OutputFormat, layout: Layout = PLAIN, records: int | None = None) -> Reading:
    """Read one output file; None stands for a file that the run never wrote.

    ``records``: how many are read of JSON Lines and CSV, from the first on; None: all.

    Raises:
        OutputError: it is missing, no plain file, empty, unreadable, cut short, or not in this format.
    """
    found = check_file(path)
    try:
        return _read(found, kind, layout, records)
    except OSError as error:
        raise OutputError(f"it cannot be read: {error.strerror or error}") from error


def check_file(path: Path | None) -> Path:
    """Return the path of a file that can be read.

    Raises:
        OutputError: the run never wrote it, or it is missing, no plain file, or empty.
    """
    if path is None:
        raise OutputError("it was never written")
    try:
        if not path.is_file():
            raise OutputError("it is no plain file" if path.exists() else "it is missing")
        if path.stat().st_size == 0:
            raise OutputError("it is empty")
    except OSError as error:
        raise OutputError(f"it cannot be read: {error.strerror or error}") from error
    return path


def have_same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same bytes; :mod:`filecmp` would trust its cache.

    Raises:
        OutputError: one of them cannot be read.
    """
    try:
        if one.stat().st_size != other.stat().st_size:
            return False
        with one.open("rb") as left, other.open("rb") as right:
            while chunk := left.read(_CHUNK):
                if chunk != right.read(_CHUNK):
                    return False
    except OSError as error:
        raise OutputError(f"it cannot be read: {error.strerror or error}") from error
    return True


def begins_with(whole: Path, part: Path) -> bool:
    """Tell whether a file begins with the bytes of another, which end where a line does.

    Raises:
        OutputError: one of them cannot be read.
    """
    try:
        if whole.stat().st_size < part.stat().st_size:
            return False
        with whole.open("rb") as left, part.open("rb") as right:
            last = b""
            while chunk := right.read(_CHUNK):
                if chunk != left.read(len(chunk)):
                    return False
                last = chunk[-1:]
            return last == b"\n" or left.read(1) in {b"", b"\n", b"\r"}
    except OSError as error:
        raise OutputError(f"it cannot be read: {error.strerror or error}") from error


def _read(path: Path, kind: OutputFormat, layout: Layout, records: int | None) -> Reading:
    match kind:
        case "json":
            return read_json(path)
        case "jsonl":
            return read_jsonl(path, records)
        case "csv":
            return read_csv(path, layout, records)
        case "npy":
            return read_npy(path)
        case "npz":
            return read_npz(path)
        case "safetensors":
            return read_safetensors(path)
        case _:
            assert_never(kind)
