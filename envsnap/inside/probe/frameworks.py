"""What the frameworks' files say of their builds; none of them is imported."""

from __future__ import annotations

import os
import re

from .files import read
from .interpreter import roots

ASSIGNED = re.compile(r"""^(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*['"]([\w.+-]{1,80})['"]""", re.MULTILINE)
PAIR = re.compile(r"""['"](\w+)['"]\s*[:,]\s*(?:['"]([\w.+-]{1,80})['"]|(True|False)\b)""")
DIGITS = re.compile(r"\d+(?:\.\d+)*")


def frameworks() -> list[dict[str, str]]:
    """List the frameworks that say in a file what they were compiled for: name, version, cuda, cudnn, rocm.

    A framework without a GPU build has them empty.
    """
    found = (_torch(), _tensorflow(), _onnxruntime(), _paddle())
    return [framework for framework in found if framework]


def _torch() -> dict[str, str]:
    said = dict(ASSIGNED.findall(_first("torch/version.py")))
    return _framework("torch", said.get("__version__"), said.get("cuda"), "", said.get("hip")) if said else {}


def _tensorflow() -> dict[str, str]:
    """Read the table ``build_info``; a build without CUDA can name the CUDA that its configuration meant."""
    pairs = PAIR.findall(_first("tensorflow/python/platform/build_info.py"))
    said = {key: text or word for key, text, word in pairs}
    if not said:
        return {}
    cuda = said.get("is_cuda_build") != "False"
    rocm = said.get("is_rocm_build") == "True"
    return _framework(
        "tensorflow",
        "",
        said.get("cuda_version") if cuda else "",
        said.get("cudnn_version") if cuda else "",
        said.get("rocm_version") if rocm else "",
    )


def _onnxruntime() -> dict[str, str]:
    said = dict(ASSIGNED.findall(_first("onnxruntime/capi/build_and_package_info.py")))
    name, version = said.get("package_name", "onnxruntime"), said.get("__version__")
    return _framework(name, version, said.get("cuda_version"), "", said.get("rocm_version")) if said else {}


def _paddle() -> dict[str, str]:
    said = dict(ASSIGNED.findall(_first("paddle/version/__init__.py")))
    version = said.get("full_version")
    return _framework("paddle", version, said.get("cuda_version"), said.get("cudnn_version"), "") if said else {}


def _framework(name: str, version: str | None, cuda: str | None, cudnn: str | None, rocm: str | None) -> dict[str, str]:
    """Put together a framework; a version of CUDA that is none, as "False" or "64_112", is empty."""
    return {
        "name": name,
        "version": version or "",
        "cuda": _number(cuda),
        "cudnn": _number(cudnn),
        "rocm": (rocm or "")[:40],
    }


def _number(text: str | None) -> str:
    return text if text and DIGITS.fullmatch(text) else ""


def _first(path: str) -> str:
    """Return the text of the file that an import would find first."""
    for root in roots():
        text = read(os.path.join(root, path))
        if text:
            return text
    return ""
