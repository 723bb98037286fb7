"""The walk through a zip directory finds what zipfile finds, or leaves the archive to it."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.host.index.zip_record import find_record

NAME = "demo-1.0.dist-info/RECORD"
LIMIT = 1_000_000
NAMES = st.sampled_from(["demo.py", "demo/RECORD", "a/demo-1.0.dist-info/RECORD", "ä.py", NAME, "x.dist-info/RECORD"])


def archive(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as made:
        for name, contents in files.items():
            made.writestr(name, contents)
        made.comment = comment
    return data.getvalue()


@given(
    st.dictionaries(NAMES, st.binary(max_size=300), max_size=5),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_the_one_record_is_what_zipfile_reads(files: dict[str, bytes], method: int) -> None:
    """None where there is none, or more than one."""
    records = [name for name in files if name.endswith(".dist-info/RECORD") and name.count("/") == 1]

    expected = files[records[0]] if len(records) == 1 else None
    assert expected == find_record(io.BytesIO(archive(files, method=method)), LIMIT)


@given(st.binary(max_size=100), st.integers(0, 200), st.integers(0, 255))
def test_damage_is_never_believed(noise: bytes, place: int, value: int) -> None:
    """Whatever is changed: the contents are right, as their checksum says, or none are given."""
    data = bytearray(archive({"demo.py": b"x", NAME: b"demo.py,,\n"}))
    data[place % len(data)] = value

    assert find_record(io.BytesIO(bytes(data)), LIMIT) in {b"demo.py,,\n", None}
    assert find_record(io.BytesIO(noise), LIMIT) is None


@pytest.mark.parametrize(
    "data",
    [
        archive({NAME: b"r"}, comment=b"a comment"),
        archive({NAME: b"r"}, method=zipfile.ZIP_BZIP2),
        archive({NAME: b"r" * (LIMIT + 1)}),
        archive({NAME: b"r"})[:-1],
        b"#!/bin/sh\n" + archive({NAME: b"r"}),
    ],
)
def test_what_is_unusual_is_left_to_zipfile(data: bytes) -> None:
    """Comments, other methods, sizes beyond the limit, a truncated file, one with something before it."""
    assert find_record(io.BytesIO(data), LIMIT) is None
