"""CUDA libraries: each found once, where it came from is told, and which one the job loaded."""

from pathlib import Path

import msgspec
import pytest

from envsnap.capture.accelerator import merge_libraries
from envsnap.manifest.accelerator import AcceleratorLibrary
from envsnap.manifest.observation import Family, LoadedLibrary

pytestmark = pytest.mark.processes


def library(path: Path, content: bytes = b"\x7fELF") -> Path:
    """Write a file where a library is looked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


WHEEL = AcceleratorLibrary(
    name="libcudnn.so.9",
    version="9.1.0.70",
    origin="wheel",
    path="{prefix}/lib/libcudnn.so.9",
    size=4,
    sha256="cd" * 32,
    packages=("nvidia-cudnn-cu12 9.1.0.70",),
    loaded=False,
    parts=8,
)


def seen(path: str, version: str = "", *, family: Family = "accelerator", sha256: str = "") -> LoadedLibrary:
    """Return what the observer says of a library."""
    return LoadedLibrary(name=Path(path).name, family=family, path=path, version=version, size=4, sha256=sha256)


def test_without_a_job_nothing_is_loaded() -> None:
    """What was found keeps its order and its wheel's digest."""
    other = msgspec.structs.replace(WHEEL, path="/a/libcudnn.so.9", sha256="", packages=(), parts=0)

    merged = merge_libraries([WHEEL, other], [])

    assert [(WHEEL.path, "cd" * 32, 8, False), (other.path, "", 0, False)] == [
        (library.path, library.sha256, library.parts, library.loaded) for library in merged
    ]


@pytest.mark.parametrize(
    ("said", "version"),
    [("9.1.0", "9.1.0.70"), ("9", "9.1.0.70"), ("", "9.1.0.70"), ("9.5.1", "9.5.1"), ("9.1.07", "9.1.07")],
)
def test_a_loaded_librarys_own_word_counts(said: str, version: str) -> None:
    """Its wheel's is taken where it says the same more exactly."""
    merged = merge_libraries([WHEEL], [seen(WHEEL.path, said, sha256="ef" * 32)])

    assert [(True, version, "ef" * 32)] == [(library.loaded, library.version, library.sha256) for library in merged]


def test_what_was_loaded_from_elsewhere_follows_by_path() -> None:
    """Only the accelerator's libraries: the others stand elsewhere in the lock."""
    loaded = [seen("/z/libcudnn.so.9"), seen("/a/libcuda.so.1"), seen("/a/libm.so.6", family="runtime")]

    merged = merge_libraries([WHEEL], loaded)

    assert [(WHEEL.path, False), ("/a/libcuda.so.1", True), ("/z/libcudnn.so.9", True)] == [
        (library.path, library.loaded) for library in merged
    ]
