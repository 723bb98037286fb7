"""What the frameworks were compiled for is read from their files; none of them is imported."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap.inside.probe import frameworks


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only import root."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below ``folder``."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


TORCH = "__version__ = '2.4.0+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n"
TENSORFLOW = (
    "import collections\nbuild_info = collections.OrderedDict([('cpu_compiler', '/usr/bin/clang'), "
    "('cuda_compute_capabilities', ['sm_60']), ('cuda_version', '12.5.1'), ('cudnn_version', '9'), "
    "('is_cuda_build', True), ('is_rocm_build', False)])\n"
)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("torch/version.py", TORCH, ("torch", "2.4.0+cu124", "12.4", "", "")),
        ("torch/version.py", "__version__ = '2.9.0+rocm6.4'\ncuda = None\nhip = '6.4.43482-0f2d60242'\n",
         ("torch", "2.9.0+rocm6.4", "", "", "6.4.43482-0f2d60242")),
        ("tensorflow/python/platform/build_info.py", TENSORFLOW, ("tensorflow", "", "12.5.1", "9", "")),
        ("tensorflow/python/platform/build_info.py", TENSORFLOW.replace("True", "False"),
         ("tensorflow", "", "", "", "")),
        ("tensorflow/python/platform/build_info.py",
         "build_info = {'cuda_version': '10.1', 'cudnn_version': '7', 'is_rocm_build': False, 'is_cuda_build': True}\n",
         ("tensorflow", "", "10.1", "7", "")),
        ("tensorflow/python/platform/build_info.py", "build_info = {'cuda_version': '64_112', 'is_cuda_build': True}\n",
         ("tensorflow", "", "", "", "")),
        ("onnxruntime/capi/build_and_package_info.py",
         "package_name = 'onnxruntime-gpu'\n__version__ = '1.26.0'\ncuda_version = '12.8'\n",
         ("onnxruntime-gpu", "1.26.0", "12.8", "", "")),
        ("onnxruntime/capi/build_and_package_info.py", "package_name = 'onnxruntime'\n__version__ = '1.22.0'\n",
         ("onnxruntime", "1.22.0", "", "", "")),
        ("paddle/version/__init__.py", "full_version = '2.6.1'\ncuda_version = '12.0'\ncudnn_version = '8.9.1'\n",
         ("paddle", "2.6.1", "12.0", "8.9.1", "")),
        ("paddle/version/__init__.py", "full_version = '2.6.1'\ncuda_version = 'False'\ncudnn_version = 'False'\n",
         ("paddle", "2.6.1", "", "", "")),
    ],
)  # fmt: skip
def test_frameworks_are_read_and_not_imported(root: Path, path: str, text: str, expected: tuple[str, ...]) -> None:
    """What each was compiled for stands in a file; a build without CUDA is told as one."""
    write(root, {path: text, path.partition("/")[0] + "/marker.py": "raise SystemExit\n"})

    assert [dict(zip(("name", "version", "cuda", "cudnn", "rocm"), expected, strict=True))] == frameworks.frameworks()


def test_no_framework_is_none(root: Path) -> None:
    """A file that says nothing is none either."""
    write(root, {"torch/version.py": "\x00nothing", "paddle/version/__init__.py": ""})

    assert [] == frameworks.frameworks()
