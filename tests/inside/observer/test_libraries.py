"""Which mapped files count as libraries that move numbers, and how their versions read."""

import pytest

from envsnap.inside.observer._envsnap import libraries


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("libcudnn.so.9", "accelerator"),
        ("libcudnn_engines_precompiled.so.9.1.0", "accelerator"),
        ("libcublasLt.so.12", "accelerator"),
        ("libcuda.so.550.54.14", "accelerator"),
        ("libcudart-d0da41ae.so.11.0", "accelerator"),
        ("libnccl.so.2", "accelerator"),
        ("libscipy_openblas64_-32a4b2a6.so", "blas"),
        ("libopenblasp-r0-09e95953.3.13.so", "blas"),
        ("libopenblas64_p-r0-0cf96a72.3.23.dev.so", "blas"),
        ("libgfortran-040039e1-0352e75f.so.5.0.0", "runtime"),
        ("libmkl_core.so.2", "blas"),
        ("libgomp-a34b3233.so.1.0.0", "openmp"),
        ("libiomp5.so", "openmp"),
        ("libtorch_cuda.so", "framework"),
        ("libc10.so", "framework"),
        ("libc.so.6", "runtime"),
        ("libm-2.31.so", "runtime"),
        ("libstdc++.so.6.0.30", "runtime"),
        ("ld-musl-x86_64.so.1", "runtime"),
        ("libcurl.so.4", ""),
        ("libc-client.so.2007e", ""),
        ("libcrypto.so.3", ""),
        ("_multiarray_umath.cpython-311-x86_64-linux-gnu.so", ""),
    ],
)
def test_families(name: str, family: str) -> None:
    """Wheels' hashes, old glibc names and version suffixes do not hide a library."""
    assert family == libraries.family_of(name)


def test_maps_lines_give_each_file_once() -> None:
    """Anonymous memory and pseudo-files are no files; a path may hold spaces."""
    lines = [
        "7f00-7f01 r-xp 00000000 08:01 11   /opt/my env/lib/libm.so.6\n",
        "7f01-7f02 rw-p 00001000 08:01 11   /opt/my env/lib/libm.so.6\n",
        "7f02-7f03 rw-p 00000000 00:00 0 \n",
        "7ffe-7fff rw-p 00000000 00:00 0    [stack]\n",
    ]

    assert {"/opt/my env/lib/libm.so.6"} == libraries.mapped_files(lines)


def test_a_system_without_proc_tells_no_libraries() -> None:
    """Absence is an empty set, not an error."""
    assert set() == libraries.mapped("/nowhere/maps")


@pytest.mark.parametrize(("number", "version"), [(8907, "8.9.7"), (90100, "9.1.0"), (91002, "9.10.2")])
def test_cudnn_numbers(number: int, version: str) -> None:
    """cuDNN changed its scheme with 9.0."""
    assert version == libraries.cudnn_version(number)


@pytest.mark.parametrize(("number", "version"), [(2804, "2.8.4"), (21805, "2.18.5"), (22703, "2.27.3")])
def test_nccl_numbers(number: int, version: str) -> None:
    """NCCL changed its scheme with 2.9."""
    assert version == libraries.nccl_version(number)


def test_cuda_numbers() -> None:
    """CUDA keeps the minor in the tens."""
    assert "12.4" == libraries.cuda_version(12040)
