"""Finds every copy of CUDA's libraries, in the order in which NVIDIA's cuda-pathfinder looks for them.

That is: wheels, conda, the loader (LD_LIBRARY_PATH, then its cache), CUDA_HOME and CUDA_PATH:
https://nvidia.github.io/cuda-python/cuda-pathfinder/latest/. Nothing is loaded and no file is hashed: these libraries
have gigabytes, and a wheel's RECORD has their digests.
"""

from __future__ import annotations

import os
import re
import sys

from ..observer._envsnap.placeholders import in_path
from .cuda_owner import claims, conda_version, header_version
from .files import entries, read_bytes
from .frameworks import frameworks
from .interpreter import roots
from .toolkit import DEFAULT, toolkit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBRARY = re.compile(
    r"lib(?P<stem>cudart|cublas|cublasLt|cudnn|nccl|cusparse|cusparseLt|nvinfer)(?:-[0-9a-f]{8})?"
    r"\.so(?:\.(?P<version>\d+(?:\.\d+)*))?"
)
CUDNN_PART = re.compile(r"libcudnn_\w+\.so(?:\.\d+)*")
CACHED = re.compile(rb"/[^\0]*/lib(?:cu(?:dart|blas|dnn|sparse)|nccl|nvinfer)[^\0/]*")
LOADER_CACHE = "/etc/ld.so.cache"
BUNDLED = ("torch/lib", "tensorrt_libs", "tensorrt", "paddle/libs")
"""Where wheels other than ``nvidia/*`` bring such libraries, below the import root."""

FULL = 3
"""Numbers that a version has at least where it names a release: ``9`` is only the interface."""


def accelerator(environ: Mapping[str, str]) -> dict[str, object]:
    """Describe the CUDA of nvcc and of the frameworks, and the libraries; ``environ`` holds the variables."""
    return {"frameworks": frameworks(), "libraries": libraries(environ), "toolkit": toolkit(environ)}


def libraries(environ: Mapping[str, str]) -> list[dict[str, object]]:
    """List the libraries in search order, each file once; cuDNN's parts are counted with its main library."""
    found: dict[str, dict[str, object]] = {}
    for origin, root, folder in places(environ):
        names = entries(folder)
        parts = {os.path.realpath(os.path.join(folder, name)) for name in names if CUDNN_PART.fullmatch(name)}
        for name in names:
            match = LIBRARY.fullmatch(name)
            path = os.path.realpath(os.path.join(folder, name)) if match else ""
            if match and path not in found and os.path.isfile(path):
                described = _describe(path, match.group("stem"), origin, root)
                found[path] = dict(described, parts=len(parts) if match.group("stem") == "cudnn" else 0)
    return list(found.values())


def places(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield ``(origin, import root or prefix, folder)`` in search order."""
    for root in roots():
        for name in entries(os.path.join(root, "nvidia")):
            yield "wheel", root, os.path.join(root, "nvidia", name, "lib")
        for name in BUNDLED:
            yield "wheel", root, os.path.join(root, name)
    for prefix in _conda_prefixes(environ):
        yield "conda", prefix, os.path.join(prefix, "lib")
    for folder in filter(None, environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        yield "ld-library-path", "", os.path.abspath(folder)
    for folder in _cached_folders():
        yield "system", "", folder
    for home in filter(None, (environ.get("CUDA_HOME"), environ.get("CUDA_PATH"), DEFAULT)):
        targets = os.path.join(home, "targets")
        for name in ("lib64", "lib", *(os.path.join("targets", target, "lib") for target in entries(targets))):
            yield "cuda-home", "", os.path.join(home, name)


def _conda_prefixes(environ: Mapping[str, str]) -> list[str]:
    asked = dict.fromkeys((sys.prefix, sys.base_prefix, environ.get("CONDA_PREFIX", "")))
    return [prefix for prefix in asked if prefix and os.path.isdir(os.path.join(prefix, "conda-meta"))]


def _cached_folders() -> list[str]:
    """List the folders in which the loader's cache knows such a library: its paths stand there as plain text."""
    paths = (os.fsdecode(path) for path in CACHED.findall(read_bytes(LOADER_CACHE)))
    return sorted({os.path.dirname(path) for path in paths if LIBRARY.fullmatch(os.path.basename(path))})


def _describe(path: str, stem: str, origin: str, root: str) -> dict[str, object]:
    folder, name = os.path.split(path)
    match = LIBRARY.fullmatch(name)
    named = (match.group("version") or "") if match else ""
    claimed = claims(root, path, stem) if origin == "wheel" else []
    version = claimed[0]["version"] if claimed else ""
    if not version and origin == "conda":
        version = conda_version(root, stem)
    if not version and named.count(".") + 1 < FULL:
        version = header_version(os.path.join(os.path.dirname(folder), "include"), stem)
    return {
        "name": name,
        "version": version or named,
        "origin": origin,
        "path": in_path(path),
        "size": os.path.getsize(path),
        "sha256": claimed[0]["sha256"] if claimed else "",
        "loaded": False,
        "packages": [claim["package"] + " " + claim["version"] for claim in claimed],
    }
