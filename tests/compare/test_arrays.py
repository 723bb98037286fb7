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

    with pytest.raises(OutputError, match=r"'readme.txt' is no array"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    """One of the two would hide the other."""
    stream = io.BytesIO()
    np.save(stream, np.ones(1))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("w.npy", stream.getvalue())
        archive.writestr("w.npy", stream.getvalue())

    with pytest.raises(OutputError, match="same name"):
        read_npz(tmp_path / "a.npz")


def test_safetensors_are_mapped(tmp_path: Path) -> None:
    """Names, dtypes, shapes and values come from the file; the metadata are text."""
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7), "e": np.zeros((0, 2))}
    (tmp_path / "a.safetensors").write_bytes(save(arrays, metadata={"format": "np"}))
    reading = dict(read_safetensors(tmp_path / "a.safetensors"))

    told = reading.pop("__metadata__/format")
    assert isinstance(told, Series)
    assert ("np",) == told.values
    assert {"w": (2, 3), "n": (), "e": (0, 2)} == {name: tensor_of(item).shape for name, item in reading.items()}
    assert arrays["w"].reshape(-1).tolist() == tensor_of(reading["w"]).stored.tolist()


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', b"\x80\x3f", ""),
        (b'{"a":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}', b"\x80", "dtype F8_E8M0, which cannot"),
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
