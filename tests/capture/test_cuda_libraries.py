"""CUDA libraries: each found once, where it came from is told, and which one the job loaded."""

from pathlib import Path

import pytest

from envsnap.capture.cuda_libraries import describe_libraries, find_cuda_libraries
from envsnap.host.files import sha256_bytes
from envsnap.manifest.observation import LoadedLibrary

pytestmark = pytest.mark.processes


def library(path: Path, content: bytes = b"\x7fELF") -> Path:
    """Write a file where a library is looked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_places_are_searched_in_the_order_of_cuda_pathfinder(tmp_path: Path) -> None:
    """Wheels, conda, the loader, CUDA_HOME; a file that two places name is told of once."""
    wheel = library(tmp_path / "site" / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9")
    library(tmp_path / "site" / "nvidia" / "cudnn" / "lib" / "libcudnn_ops.so.9")
    conda = library(tmp_path / "prefix" / "lib" / "libcudart.so.12.4.127")
    (tmp_path / "prefix" / "lib" / "libcudart.so.12").symlink_to(conda.name)
    (tmp_path / "prefix" / "conda-meta").mkdir()
    loader = library(tmp_path / "loader" / "libcudnn.so.8.9.7")
    home = library(tmp_path / "cuda" / "lib64" / "libnccl.so.2")
    env = {"LD_LIBRARY_PATH": f"{tmp_path / 'loader'}::{wheel.parent}", "CUDA_HOME": str(tmp_path / "cuda")}

    found = find_cuda_libraries([tmp_path / "site"], tmp_path / "prefix", env)

    own = [(origin, path) for origin, path in found if path.is_relative_to(tmp_path)]
    assert [("wheel", wheel), ("conda", conda), ("ld-library-path", loader), ("cuda-home", home)] == own


def test_loaded_library_is_told_from_the_one_beside_it(tmp_path: Path) -> None:
    """The observer's version and digest count; what was not loaded has those of its file."""
    ours = library(tmp_path / "lib" / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9")
    theirs = library(tmp_path / "old" / "libcudnn.so.8.9.7", b"old")
    loaded = LoadedLibrary(
        name="libcudnn.so.9",
        family="accelerator",
        path="{prefix}/lib/nvidia/cudnn/lib/libcudnn.so.9",
        version="9.1.0",
        size=4,
        sha256="ab" * 32,
    )

    described = describe_libraries([("wheel", ours), ("system", theirs)], [loaded], {"{prefix}": tmp_path})

    shown = {(entry.path, entry.version, entry.origin, entry.loaded, entry.sha256) for entry in described}
    assert {
        ("{prefix}/lib/nvidia/cudnn/lib/libcudnn.so.9", "9.1.0", "wheel", True, "ab" * 32),
        ("{prefix}/old/libcudnn.so.8.9.7", "8.9.7", "system", False, sha256_bytes(b"old")),
    } == shown
