import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from envsnap.compare.arrays import read_npy, read_npz, read_safetensors
from envsnap.compare.reading import Item, Series, Tensor
from envsnap.errors import OutputError


def tensor_of(item: Item) -> Tensor:
    assert isinstance(item, Tensor)
    return item


def test_npy_is_mapped(tmp_path: Path) -> None:
    """One array, nameless, flat in row-major order even where it was saved by columns."""
    np.save(tmp_path / "a.npy", np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]))
    tensor = tensor_of(read_npy(tmp_path / "a.npy")[""])

    assert ("float64", (2, 2)) == (tensor.dtype, tensor.shape)
    assert [1.0, 2.0, 3.0, 4.0] == tensor.stored.tolist()


def test_scalar_npy_is_one_value(tmp_path: Path) -> None:
    """An array without dimensions holds one value."""
    np.save(tmp_path / "a.npy", np.float32(3))

    assert [3.0] == tensor_of(read_npy(tmp_path / "a.npy")[""]).stored.tolist()


def npy_of(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def npz_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


BROKEN_ARRAYS = [
    (npy_of(np.array([{}])), "it needs pickle, which can run any code and is never loaded; save plain numbers"),
    (npy_of(np.ones(9))[:-1], "it is cut short: fewer bytes than its header says"),
    (b"no array", "it is no .npy array: the magic string is not correct; expected b'\\x93NUMPY', got b'no arr'"),
]


@pytest.mark.parametrize(("content", "reason"), BROKEN_ARRAYS)
def test_a_broken_array_is_refused_for_what_it_is(tmp_path: Path, content: bytes, reason: str) -> None:
    """In a file alone, and in an archive, where the member is named."""
    (tmp_path / "a.npy").write_bytes(content)

    with pytest.raises(OutputError) as alone:
        read_npy(tmp_path / "a.npy")
    with pytest.raises(OutputError) as member:
        read_npz(npz_of(tmp_path / "a.npz", w=content))

    assert reason == str(alone.value)
    assert f"member 'w.npy': {reason}" == str(member.value)


def test_an_array_that_claims_more_than_64_bits_can_count_is_cut_short(tmp_path: Path) -> None:
    """The count of its elements, 2**64, wraps around to none."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header

    with pytest.raises(OutputError, match=r"^member 'w.npy': it is cut short: fewer bytes than its header says$"):
        read_npz(npz_of(tmp_path / "a.npz", w=content))
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(OutputError, match=r"^it is "):
        read_npy(tmp_path / "a.npy")


def test_bytes_behind_an_array_are_refused(tmp_path: Path) -> None:
    """Even one; an array without elements has no data to hold against its header."""
    (tmp_path / "a.npy").write_bytes(npy_of(np.ones(2)) + b"x")

    with pytest.raises(OutputError) as alone:
        read_npy(tmp_path / "a.npy")
    with pytest.raises(OutputError) as member:
        read_npz(npz_of(tmp_path / "a.npz", w=npy_of(np.ones(2)) + b"x"))

    assert "it holds more bytes than its header says; was more than one array saved to it?" == str(alone.value)
    assert "member 'w.npy' holds more bytes than its header says" == str(member.value)


def test_a_structured_dtype_is_refused(tmp_path: Path) -> None:
    """By its name, and with what to do instead."""
    (tmp_path / "a.npy").write_bytes(npy_of(np.zeros(2, dtype=[("a", "<f4")])))

    with pytest.raises(OutputError) as caught:
        read_npy(tmp_path / "a.npy")

    assert "the dtype [('a', '<f4')] cannot be compared; save plain numbers" == str(caught.value)


def test_an_archive_may_unpack_to_eight_gibibytes(tmp_path: Path) -> None:
    """A few bytes more by the sizes that it claims are too much, before any of it is unpacked."""
    path = npz_of(tmp_path / "a.npz", a=npy_of(np.ones(1)), b=npy_of(np.ones(1)), c=npy_of(np.ones(1)))
    content = bytearray(path.read_bytes())

    def claim(*sizes: int) -> str:
        place = 0
        for size in sizes:
            place = content.index(b"PK\x01\x02", place) + 24  # in the central directory, of one member after another
            content[place : place + 4] = size.to_bytes(4, "little")
        path.write_bytes(content)
        with pytest.raises(OutputError) as caught:
            read_npz(path)
        return str(caught.value)

    expected = "it unpacks to more than 8 GiB; write .npy or .safetensors, which are mapped"
    assert expected == claim(2**32 - 2, 2**32 - 2, 5)
    assert expected != claim(2**32 - 2, 2**32 - 2, 4)


def test_npz_names_its_members(tmp_path: Path) -> None:
    """Compressed members read like plain ones."""
    np.savez_compressed(tmp_path / "a.npz", w=np.arange(3), b=np.float16(1))
    reading = read_npz(tmp_path / "a.npz")

    assert {"w", "b"} == set(reading)
    assert [0, 1, 2] == tensor_of(reading["w"]).stored.tolist()


def test_npz_with_foreign_member_is_refused(tmp_path: Path) -> None:
    """What is no array cannot be compared, so it must not be skipped."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")

    with pytest.raises(OutputError, match=r"^member 'readme.txt' is no array$"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    """One of the two would hide the other."""
    stream = io.BytesIO()
    np.save(stream, np.ones(1))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("w.npy", stream.getvalue())
        archive.writestr("w.npy", stream.getvalue())

    with pytest.raises(OutputError, match=r"^two members of the archive have the same name$"):
        read_npz(tmp_path / "a.npz")


def test_safetensors_are_mapped(tmp_path: Path) -> None:
    """Names, dtypes, shapes and values come from the file; the metadata are text."""
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7), "e": np.zeros((0, 2))}
    (tmp_path / "a.safetensors").write_bytes(save(arrays, metadata={"format": "np"}))
    reading = dict(read_safetensors(tmp_path / "a.safetensors"))

    told = reading.pop("__metadata__/format")
    assert Series(labels=("",), values=("np",), path=("__metadata__", "format")) == told
    assert {"w": (2, 3), "n": (), "e": (0, 2)} == {name: tensor_of(item).shape for name, item in reading.items()}
    assert arrays["w"].reshape(-1).tolist() == tensor_of(reading["w"]).stored.tolist()
    assert not tensor_of(reading["w"]).stored.flags.writeable


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', b"\x80\x3f", ""),
        (
            b'{"a":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}',
            b"\x80",
            "^tensor 'a' has the dtype F8_E8M0, which cannot be compared$",
        ),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"\0\0\0", "is no .safetensors file, or cut short"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', b"\0\0\0\0", "is no .safetensors file"),
    ],
)
def test_safetensors_header_is_checked(tmp_path: Path, header: bytes, data: bytes, reason: str) -> None:
    """A header that its data do not bear out is refused, and so is a dtype that cannot be compared."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)

    if not reason:
        assert "bfloat16" == tensor_of(read_safetensors(path)["a"]).dtype
        return
    with pytest.raises(OutputError, match=reason):
        read_safetensors(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{1: 2, 'shape': 3}",
        b"{'descr': [1], 'fortran_order': False, 'shape': (1,)}",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 4: 5}",
        b"(" * 5000,
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
    ],
)
def test_a_damaged_header_is_an_output_error(tmp_path: Path, header: bytes) -> None:
    """Whatever numpy and Python's parser make of it: in a file alone, and in an archive."""
    npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16)
    (tmp_path / "a.npy").write_bytes(npy)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy)

    with pytest.raises(OutputError, match=r"array|cut short"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(OutputError, match=r"array|cut short"):
        read_npz(tmp_path / "a.npz")
