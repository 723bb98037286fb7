"""Tells the version of a CUDA library from what came with it: a wheel's RECORD, a conda record, its header."""

from __future__ import annotations

import binascii
import os
import re

from .files import entries, read, read_bytes, sha256

WHEELS = {
    "cudart": "nvidia_cuda_runtime",
    "cublas": "nvidia_cublas",
    "cublasLt": "nvidia_cublas",
    "cudnn": "nvidia_cudnn",
    "nccl": "nvidia_nccl",
    "cusparse": "nvidia_cusparse",
    "cusparseLt": "nvidia_cusparselt",
    "nvinfer": "tensorrt",
}
"""Distributions that bring a library, without the ending that names a CUDA, as ``_cu12``."""

CONDA = {
    "cudart": ("cuda-cudart", "cudatoolkit"),
    "cublas": ("libcublas", "cudatoolkit"),
    "cublasLt": ("libcublas", "cudatoolkit"),
    "cudnn": ("libcudnn", "cudnn"),
    "nccl": ("nccl",),
    "cusparse": ("libcusparse", "cudatoolkit"),
    "cusparseLt": ("cusparselt",),
    "nvinfer": ("libnvinfer", "tensorrt"),
}

HEADERS = {
    "cudart": ("cuda_runtime_api.h", "CUDART"),
    "cublas": ("cublas_api.h", "CUBLAS_VER"),
    "cublasLt": ("cublas_api.h", "CUBLAS_VER"),
    "cudnn": ("cudnn_version.h", "CUDNN"),
    "nccl": ("nccl.h", "NCCL"),
    "cusparse": ("cusparse.h", "CUSPARSE_VER"),
    "cusparseLt": ("cusparseLt.h", "CUSPARSELT_VER"),
    "nvinfer": ("NvInferVersion.h", "NV_TENSORRT"),
}
"""The header that defines the version, and how its names begin: CUDNN_MAJOR, CUBLAS_VER_MINOR."""

HEADER_BYTES = 64 * 1024
HASHED_BYTES = 256 * 1024 * 1024


def claims(root: str, path: str, stem: str) -> list[dict[str, str]]:
    """List the wheels of the import root ``root`` whose RECORD names the file: package, version, sha256.

    Wheels for two CUDAs, as nvidia-cudnn-cu11 and -cu12, put their files into one folder: the last one that was
    installed has overwritten the other. The one whose digest fits the file comes first.
    """
    relative = os.path.relpath(path, os.path.realpath(root))
    found = []
    for entry in entries(root):
        match = re.fullmatch(re.escape(WHEELS[stem]) + r"(_cu\d+)?(_libs)?-([^-]+)\.dist-info", entry)
        row = _row(read(os.path.join(root, entry, "RECORD")), relative) if match else None
        if match and row is not None:
            package = entry[: -len(".dist-info")].rpartition("-")[0].replace("_", "-")
            found.append({"package": package, "version": match.group(3), "sha256": row})
    if len(found) > 1:
        digest = _sha256(path)
        found.sort(key=lambda claim: claim["sha256"] != digest)
    return found


def _row(record: str, path: str) -> str | None:
    """Return the digest that a RECORD has of a path, in hexadecimal; None where it does not name it."""
    match = re.search(r'^"?' + re.escape(path) + r'"?,(?:sha256=([\w-]+))?', record, re.MULTILINE)
    if match is None:
        return None
    try:
        return binascii.a2b_base64((match.group(1) or "").replace("-", "+").replace("_", "/") + "==").hex()
    except binascii.Error:
        return ""


def _sha256(path: str) -> str:
    if os.path.getsize(path) > HASHED_BYTES:
        return ""
    return sha256(read_bytes(path, None))


def conda_version(prefix: str, stem: str) -> str:
    """Return the version of the conda package that brings a library: its record is ``NAME-VERSION-BUILD.json``."""
    installed = {}
    for entry in entries(os.path.join(prefix, "conda-meta")):
        name, _, rest = entry.rpartition("-")[0].rpartition("-")
        installed[name] = rest
    return next((installed[name] for name in CONDA[stem] if installed.get(name)), "")


def header_version(folder: str, stem: str) -> str:
    """Return the version that the library's header in ``folder`` defines, "" where there is none."""
    header, prefix = HEADERS[stem]
    text = read_bytes(os.path.join(folder, header), HEADER_BYTES).decode("utf-8", "replace")
    if stem == "cudart":
        match = re.search(r"^#define\s+CUDART_VERSION\s+(\d+)", text, re.MULTILINE)
        return "{}.{}".format(int(match.group(1)) // 1000, int(match.group(1)) % 1000 // 10) if match else ""
    said = dict(re.findall(r"^#define\s+" + prefix + r"_(\w+)\s+(\d+)", text, re.MULTILINE))
    numbers = [said.get("MAJOR"), said.get("MINOR"), said.get("PATCHLEVEL") or said.get("PATCH")]
    return ".".join(number for number in numbers if number) if numbers[0] else ""
