"""CUDA's libraries are found in cuda-pathfinder's order, with the version of what brought them."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envsnap.inside.probe import accelerator, cuda_owner, toolkit


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only import root, in a prefix of its own, on a machine whose loader knows no CUDA."""
    site = tmp_path / "prefix" / "site"
    site.mkdir(parents=True)
    monkeypatch.setattr(accelerator, "LOADER_CACHE", str(tmp_path / "ld.so.cache"))
    for module in (accelerator, toolkit):
        monkeypatch.setattr(module, "DEFAULT", str(tmp_path / "no-cuda"))
    monkeypatch.setattr(sys, "path", [str(site)])
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(sys, "base_prefix", "/base-that-is-nowhere")
    return site


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below ``folder``."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def record(files: Mapping[str, bytes]) -> str:
    """Return a RECORD of these files."""
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(content).digest()) for name, content in files.items()}
    return "".join(f"{name},sha256={digests[name].decode().rstrip('=')},{len(files[name])}\n" for name in files)


def install(site: Path, package: str, files: Mapping[str, bytes]) -> None:
    """Install a wheel as pip does."""
    write(site, {**files, f"{package}.dist-info/RECORD": record(files)})


def found(environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the libraries that the probe finds."""
    return accelerator.libraries(environ or {})


def test_places_are_searched_in_the_order_of_cuda_pathfinder(root: Path, tmp_path: Path) -> None:
    """Wheels, conda, the loader, CUDA_HOME; a file that two places name is told of once."""
    write(root, {"nvidia/cudnn/lib/libcudnn.so.9": b"", "torch/lib/libcudart-d0da41ae.so.11.0": b""})
    write(tmp_path / "prefix", {"conda-meta/history": b"", "lib/libcudart.so.12.4.127": b""})
    (tmp_path / "prefix/lib/libcudart.so.12").symlink_to("libcudart.so.12.4.127")
    write(tmp_path, {"loader/libcudnn.so.8.9.7": b"", "cuda/lib64/libnccl.so.2": b"", "sys/libcusparse.so.12": b""})
    write(
        tmp_path,
        {"ld.so.cache": b"head\0libcusparse.so.12\0%b\0tail" % os.fsencode(tmp_path / "sys/libcusparse.so.12")},
    )
    environ = {
        "LD_LIBRARY_PATH": f"{tmp_path / 'loader'}::{root / 'nvidia/cudnn/lib'}",
        "CUDA_HOME": str(tmp_path / "cuda"),
    }

    expected = [
        ("wheel", "{prefix}/site/nvidia/cudnn/lib/libcudnn.so.9"),
        ("wheel", "{prefix}/site/torch/lib/libcudart-d0da41ae.so.11.0"),
        ("conda", "{prefix}/lib/libcudart.so.12.4.127"),
        ("ld-library-path", f"{tmp_path}/loader/libcudnn.so.8.9.7"),
        ("system", f"{tmp_path}/sys/libcusparse.so.12"),
        ("cuda-home", f"{tmp_path}/cuda/lib64/libnccl.so.2"),
    ]

    assert expected == [(library["origin"], library["path"]) for library in found(environ)]


def test_nothing_installed_is_nothing_found(root: Path) -> None:
    """Most environments have no CUDA."""
    assert [] == found({"LD_LIBRARY_PATH": str(root / "gone")})


@pytest.mark.parametrize(
    ("package", "file", "version"),
    [
        ("nvidia_cuda_runtime_cu12-12.4.127", "nvidia/cuda_runtime/lib/libcudart.so.12", "12.4.127"),
        ("nvidia_cuda_runtime-13.0.48", "nvidia/cu13/lib/libcudart.so.13", "13.0.48"),
        ("nvidia_cublas_cu12-12.4.5.8", "nvidia/cublas/lib/libcublasLt.so.12", "12.4.5.8"),
        ("nvidia_cudnn_cu12-9.1.0.70", "nvidia/cudnn/lib/libcudnn.so.9", "9.1.0.70"),
        ("nvidia_nccl_cu12-2.21.5", "nvidia/nccl/lib/libnccl.so.2", "2.21.5"),
        ("nvidia_cusparse_cu12-12.3.1.170", "nvidia/cusparse/lib/libcusparse.so.12", "12.3.1.170"),
        ("nvidia_cusparselt_cu12-0.6.2", "nvidia/cusparselt/lib/libcusparseLt.so.0", "0.6.2"),
        ("tensorrt_cu12_libs-10.3.0", "tensorrt_libs/libnvinfer.so.10", "10.3.0"),
    ],
)
def test_a_wheels_library_has_its_wheels_version(root: Path, package: str, file: str, version: str) -> None:
    """The file's name has only its interface; RECORD tells the digest, so that no gigabyte is read."""
    install(root, package, {file: b"library"})

    library = found()[0]

    assert (version, [f"{package.rpartition('-')[0].replace('_', '-')} {version}"]) == (
        library["version"],
        library["packages"],
    )
    assert hashlib.sha256(b"library").hexdigest() == library["sha256"]


def test_cudnns_parts_are_counted_with_its_main_library(root: Path) -> None:
    """They are one library in nine files."""
    folder = "nvidia/cudnn/lib/"
    install(root, "nvidia_cudnn_cu12-9.1.0.70", {folder + "libcudnn.so.9": b"", folder + "libcudnn_ops.so.9": b"ops"})
    (root / folder / "libcudnn_ops.so").symlink_to("libcudnn_ops.so.9")

    assert [("libcudnn.so.9", 1)] == [(library["name"], library["parts"]) for library in found()]


def test_of_two_wheels_that_claim_a_file_the_one_that_wrote_it_counts(root: Path) -> None:
    """cuDNN for CUDA 11 and for CUDA 12 lie in one folder: the file tells which was installed last."""
    path = "nvidia/cudnn/lib/libcudnn.so.9"
    install(root, "nvidia_cudnn_cu12-9.1.0.70", {path: b"new"})
    install(root, "nvidia_cudnn_cu11-9.0.0.312", {path: b"old"})
    (root / path).write_bytes(b"new")

    library = found()[0]

    assert "9.1.0.70" == library["version"]
    assert ["nvidia-cudnn-cu12 9.1.0.70", "nvidia-cudnn-cu11 9.0.0.312"] == library["packages"]


def header(prefix: str, *numbers: int, patch: str = "PATCHLEVEL") -> str:
    """Return a header that defines a version."""
    names = ("MAJOR", "MINOR", patch)
    return "".join(f"#define {prefix}_{name} {number}\n" for name, number in zip(names, numbers, strict=False))


@pytest.mark.parametrize(
    ("file", "name", "text", "version"),
    [
        ("libcudnn.so.9", "cudnn_version.h", header("CUDNN", 9, 1, 1), "9.1.1"),
        ("libnccl.so.2", "nccl.h", header("NCCL", 2, 18, 5, patch="PATCH"), "2.18.5"),
        ("libcublas.so.12", "cublas_api.h", header("CUBLAS_VER", 12, 4, 5, patch="PATCH"), "12.4.5"),
        ("libcudart.so.12", "cuda_runtime_api.h", "#define CUDART_VERSION  12040\n", "12.4"),
        ("libcudnn.so.9", "cudnn_version.h", "nothing of it", "9"),
        ("libcudnn.so.9.2.1", "cudnn_version.h", header("CUDNN", 8), "9.2.1"),
        ("libcudnn.so", "other.h", "", ""),
    ],
)
def test_a_toolkits_library_has_its_headers_version(
    root: Path, tmp_path: Path, file: str, name: str, text: str, version: str
) -> None:
    """A whole number in the file's name needs none."""
    write(tmp_path / "cuda", {f"lib64/{file}": b"", f"include/{name}": text})

    assert [(root.name, version)] == [
        ("site", library["version"]) for library in found({"CUDA_PATH": str(tmp_path / "cuda")})
    ]


def test_a_conda_library_has_its_packages_version(root: Path, tmp_path: Path) -> None:
    """The record's name tells it."""
    write(tmp_path / "prefix", {"conda-meta/cudnn-9.1.1.17-hf7e9902_3.json": "{}", "lib/libcudnn.so.9": b""})

    assert [("conda", "9.1.1.17")] == [(library["origin"], library["version"]) for library in found()]
    assert root.is_dir()


def test_a_link_to_nowhere_and_a_folder_are_no_library(root: Path) -> None:
    """An interrupted installation leaves them."""
    folder = root / "nvidia/cudnn/lib"
    (folder / "libcudnn.so.8").mkdir(parents=True)
    (folder / "libcudnn.so.9").symlink_to("gone")

    assert [] == found()


def test_a_damaged_record_tells_no_digest(root: Path) -> None:
    """Its version still stands in its folder's name."""
    path = "nvidia/cudnn/lib/libcudnn.so.9"
    write(root, {path: b"", "nvidia_cudnn_cu12-9.1.dist-info/RECORD": f"{path},sha256=a,x\n"})

    assert [("", "9.1")] == [(library["sha256"], library["version"]) for library in found()]


@pytest.mark.processes
def test_the_loaders_cache_is_read_as_ldconfig_reads_it() -> None:
    """ldconfig -p is the oracle."""
    ldconfig = next((path for path in ("/sbin/ldconfig", "/usr/sbin/ldconfig") if os.access(path, os.X_OK)), None)
    if ldconfig is None:
        pytest.skip("ldconfig is missing")
    shown = subprocess.run((ldconfig, "-p"), capture_output=True, text=True, check=True).stdout
    paths = [line.partition(" => ")[2] for line in shown.splitlines() if " => " in line]
    wanted = {str(Path(path).parent) for path in paths if accelerator.LIBRARY.fullmatch(Path(path).name)}

    assert sorted(wanted) == accelerator._cached_folders()


def test_the_section_is_json(root: Path) -> None:
    """It travels as such."""
    install(root, "nvidia_cudnn_cu12-9.1.0.70", {"nvidia/cudnn/lib/libcudnn.so.9": b""})

    section = accelerator.accelerator({})

    assert section == json.loads(json.dumps(section))
    assert {"toolkit", "frameworks", "libraries"} == section.keys()
    assert cuda_owner.WHEELS.keys() == cuda_owner.CONDA.keys() == cuda_owner.HEADERS.keys()
