"""Reads .npy, .npz and .safetensors outputs into tensors, by memory map where the format allows, never by pickle."""

import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envsnap.compare.reading import Reading, Series, Tensor
from envsnap.errors import OutputError

MAX_UNPACKED_BYTES: Final = 8 * 2**30
"""Members of an .npz are unpacked into memory; a small file can claim any size."""

_METADATA: Final = "__metadata__"
_KINDS: Final = "biufcSUMm"

# Name -> (label, stored as): https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs, enum Dtype
_SAFETENSORS: Final[Mapping[str, tuple[str, str]]] = {
    "BOOL": ("bool", "?"),
    "U8": ("uint8", "<u1"),
    "I8": ("int8", "<i1"),
    "U16": ("uint16", "<u2"),
    "I16": ("int16", "<i2"),
    "U32": ("uint32", "<u4"),
    "I32": ("int32", "<i4"),
    "U64": ("uint64", "<u8"),
    "I64": ("int64", "<i8"),
    "F16": ("float16", "<f2"),
    "BF16": ("bfloat16", "<u2"),
    "F32": ("float32", "<f4"),
    "F64": ("float64", "<f8"),
    "C64": ("complex64", "<c8"),
    "F8_E5M2": ("float8_e5m2", "<u1"),
    "F8_E4M3": ("float8_e4m3fn", "<u1"),
}


_MALFORMED: Final = (
    *(ValueError, TypeError, LookupError, AttributeError, SyntaxError, EOFError, OverflowError, MemoryError),
    *(RecursionError, tokenize.TokenError),
)
"""What numpy raises at a damaged header, which it reads with Python's own parser, or at a size that cannot be."""


def read_npy(path: Path) -> Reading:
    """Map one array; its name is "".

    Raises:
        OutputError: it is no .npy file, is cut short, holds more than one array, or needs pickle.
    """
    try:
        with np.errstate(over="ignore"):  # a size that cannot be
            array = np.lib.format.open_memmap(path, mode="r")
    except _MALFORMED as error:
        raise _explain_npy(error) from error
    if array.size and path.stat().st_size != array.offset + array.nbytes:
        raise OutputError("it holds more bytes than its header says; was more than one array saved to it?")
    return {"": _tensor(array)}


def read_npz(path: Path) -> Reading:
    """Unpack every member; the archive's checksums are verified on the way.

    Raises:
        OutputError: it is no .npz file, is cut short, unpacks to too much, or a member is no array or needs pickle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members)
            return {member.filename.removesuffix(".npy"): _read_member(archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise OutputError(f"it is no .npz file, or cut short: {error}") from error


def read_safetensors(path: Path) -> Reading:
    """Map every tensor, once the safetensors library has accepted the header and the layout; metadata are text.

    Raises:
        OutputError: it is no .safetensors file, is cut short, or has a dtype that cannot be compared.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as error:
        raise OutputError(f"it is no .safetensors file, or cut short: {error}") from error
    raw = np.memmap(path, mode="r", dtype=np.uint8)
    start = 8 + int.from_bytes(raw[:8].tobytes(), "little")
    header: dict[str, dict[str, object]] = json.loads(raw[8:start].tobytes())
    told = {
        f"{_METADATA}/{key}": Series(labels=("",), values=(str(value),), path=(_METADATA, key))
        for key, value in header.pop(_METADATA, {}).items()
    }
    return {name: _slice(raw[start:], name, entry) for name, entry in header.items()} | told


def _slice(data: NDArray[np.uint8], name: str, entry: Mapping[str, object]) -> Tensor:
    shape, offsets, dtype = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not isinstance(shape, list) or not isinstance(offsets, list) or dtype not in _SAFETENSORS:
        raise OutputError(f"tensor {name!r} has the dtype {dtype}, which cannot be compared")
    label, stored = _SAFETENSORS[str(dtype)]
    return Tensor(dtype=label, shape=tuple(shape), stored=data[offsets[0] : offsets[1]].view(stored))


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise OutputError("two members of the archive have the same name")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise OutputError(
            f"it unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB; write .npy or .safetensors, which are mapped"
        )


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    if not member.filename.endswith(".npy"):
        raise OutputError(f"member {member.filename!r} is no array")
    with archive.open(member) as stream:
        try:
            array: NDArray[np.generic] = np.lib.format.read_array(stream, allow_pickle=False)
        except _MALFORMED as error:
            raise OutputError(f"member {member.filename!r}: {_explain_npy(error)}") from error
        if stream.read(1):
            raise OutputError(f"member {member.filename!r} holds more bytes than its header says")
    return _tensor(array)


def _tensor(array: NDArray[np.generic]) -> Tensor:
    if array.dtype.kind not in _KINDS:
        raise OutputError(f"the dtype {array.dtype} cannot be compared; save plain numbers")
    # A Fortran-ordered array is copied here: element indices must mean the same on both sides.
    return Tensor(dtype=array.dtype.name, shape=array.shape, stored=array.reshape(math.prod(array.shape)))


def _explain_npy(error: Exception) -> OutputError:
    text = str(error)
    if "Python objects" in text or "Object arrays" in text:
        return OutputError("it needs pickle, which can run any code and is never loaded; save plain numbers")
    if "mmap length" in text or "EOF" in text or "cannot reshape" in text:
        return OutputError("it is cut short: fewer bytes than its header says")
    return OutputError(f"it is no .npy array: {text}")
