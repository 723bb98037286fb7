"""Describes the shared libraries of this process, as /proc/self/maps knows them."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import sys

from . import placeholders

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Attempt = Callable[..., Any]
    Library = Any  # ctypes finds its functions by name

FAMILIES = {
    "framework": (r"libtorch(_\w+)?|libc10(_\w+)?|libcaffe2\w*|libtensorflow\w*|libjax\w*|libxla\w*|libonnxruntime\w*"),
    "accelerator": (
        r"libcuda|libcudart|libcublas(Lt)?|libcudnn\w*|libcufft\w*|libcurand|libcusolver\w*|libcusparse(Lt)?"
        r"|libcutensor\w*|libnccl|libnvrtc|libnvJitLink|libnvinfer\w*|libnvshmem\w*"
        r"|libamdhip64|lib(roc|hip)\w+|libMIOpen|librccl|libsycl"
    ),
    "blas": (
        r"lib(scipy_)?openblas\w*|libmkl_\w+|libblis\w*|libflexiblas|libc?blas|liblapacke?|libatlas|libarmpl\w*"
        r"|libdnnl"
    ),
    "openmp": r"libgomp|libiomp5|libomp5?|libtbb\w*",
    "runtime": r"libc|libm|libmvec|libstdc\+\+|libgcc_s|libgfortran|libquadmath|ld-musl-\w+|libc\.musl-\w+",
}
"""Stems of file names, by family; the first family that matches names a library."""

# Between the stem and .so may stand a wheel's hashes or an old glibc's version: libopenblasp-r0-09e95953.3.13.dev.so,
# libgfortran-040039e1-0352e75f.so.5.0.0, libm-2.31.so.
SUFFIX = r"(?:-r\d+)?(?:-[0-9a-f.]+(?:dev)?)*\.so(?:\.|$)"
PATTERNS = {family: re.compile("(?:" + stems + ")" + SUFFIX) for family, stems in FAMILIES.items()}
HASHED_BYTES = 256 * 1024 * 1024
"""As many bytes are read at most, about half a second: RECORD tells the digests of what wheels bring. Of the other
files size and version still tell them apart."""


def mapped(maps: str = "/proc/self/maps") -> set[str]:
    """Return the files mapped into this process; none on a system without /proc."""
    if not os.path.exists(maps):
        return set()
    with open(maps, encoding="utf-8", errors="surrogateescape") as file:
        return mapped_files(file)


def libraries_among(paths: Iterable[str]) -> tuple[list[str], int]:
    """Return the shared libraries among mapped files, sorted, and how many are left out as Python's extension modules.

    What belongs to an extension module is told by its distribution; a library that lies beside it is not.
    """
    modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    real = {os.path.realpath(path) for path in modules if isinstance(path, str) and ".so" in path}
    libraries = sorted(path for path in paths if re.search(r"\.so(\.|$)", os.path.basename(path)))
    kept = [path for path in libraries if path not in modules and path not in real]
    return kept, len(libraries) - len(kept)


def loaded(paths: Iterable[str], owned: dict[str, tuple[str, str, int]], attempt: Attempt) -> list[dict[str, Any]]:
    """Describe libraries, ordered by path.

    Args:
        paths: of the files.
        owned: by path: the distribution that brought it, its recorded SHA-256 and size.
        attempt: runs what must not fail.
    """
    budget = [HASHED_BYTES]
    found = [(path, family_of(os.path.basename(path)) or "other") for path in paths]
    ordered = sorted(found, key=lambda pair: (pair[1] == "other", pair))  # what matters most is hashed first
    described = [_describe(path, family, owned.get(path, ("", "", -1)), budget, attempt) for path, family in ordered]
    return sorted(described, key=lambda library: str(library["path"]))


def mapped_files(lines: Iterable[str]) -> set[str]:
    """Return the files named by lines of /proc/PID/maps (proc_pid_maps(5): the path is the sixth field)."""
    fields = (line.rstrip("\n").split(None, 5) for line in lines)
    return {field[5] for field in fields if len(field) == 6 and field[5].startswith("/")}  # noqa: PLR2004


def family_of(name: str) -> str:
    """Return the family of a library by its file name; "" for one that does not matter to numbers."""
    return next((family for family, pattern in PATTERNS.items() if pattern.match(name)), "")


def _describe(
    path: str, family: str, owned: tuple[str, str, int], budget: list[int], attempt: Attempt
) -> dict[str, Any]:
    name = os.path.basename(path)
    size = attempt("size of " + name, lambda: os.stat(path).st_size, 0)
    owner, digest, recorded = owned
    if not digest or recorded != size:
        digest = ""
        if family != "framework" and 0 < size <= budget[0]:
            budget[0] -= size
            digest = attempt("digest of " + name, lambda: _sha256(path), "")
    return {
        "name": name,
        "family": family,
        "path": placeholders.in_text(path),
        "version": attempt("version of " + name, lambda: _version(path, name), ""),
        "size": size,
        "sha256": digest,
        "owner": owner,
    }


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _version(path: str, name: str) -> str:
    for stem, ask in ASKED:
        if name.startswith(stem):
            return ask(path)
    if re.match(r"lib(c|m|mvec)[.-]", name) and "CS_GNU_LIBC_VERSION" in os.confstr_names:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").replace("glibc ", "")
    match = re.search(r"\.so\.([\d.]+)$", name)
    return match.group(1) if match else ""


def _open(path: str) -> Library:
    """Return the library that is loaded already: NOLOAD never loads it anew."""
    return ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_NOLOAD)


def _cudart_version(path: str) -> str:
    number = ctypes.c_int()
    _open(path).cudaRuntimeGetVersion(ctypes.byref(number))
    return cuda_version(number.value)


def _cudnn_version(path: str) -> str:
    ask = _open(path).cudnnGetVersion
    ask.restype = ctypes.c_size_t
    return cudnn_version(ask())


def _nccl_version(path: str) -> str:
    number = ctypes.c_int()
    _open(path).ncclGetVersion(ctypes.byref(number))
    return nccl_version(number.value)


def cuda_version(number: int) -> str:
    """Decode CUDART_VERSION (cuda_runtime_api.h): 12040 is 12.4."""
    return "{}.{}".format(number // 1000, number % 1000 // 10)


def cudnn_version(number: int) -> str:
    """Decode CUDNN_VERSION (cudnn_version.h): 8907 is 8.9.7, 90100 is 9.1.0."""
    major = 10000 if number >= 90000 else 1000  # noqa: PLR2004
    return "{}.{}.{}".format(number // major, number % major // 100, number % 100)


def nccl_version(number: int) -> str:
    """Decode NCCL_VERSION_CODE (NCCL_VERSION in nccl.h): 2804 is 2.8.4, 21805 is 2.18.5."""
    major = 10000 if number >= 10000 else 1000  # noqa: PLR2004
    return "{}.{}.{}".format(number // major, number % major // 100, number % 100)


ASKED = (("libcudart", _cudart_version), ("libcudnn.so", _cudnn_version), ("libnccl.so", _nccl_version))
"""Libraries that tell their own version, without initialising a device."""
