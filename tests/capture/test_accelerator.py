"""The CUDA versions that can disagree are each taken from their own source."""

from pathlib import Path

import pytest

from envsnap.capture.accelerator import capture_accelerator, find_toolkit
from envsnap.host.nvml import NvmlFacts


def test_four_versions_from_four_sources() -> None:
    """Driver, what it serves, the toolkit's and the framework's."""
    facts = NvmlFacts(driver="550.54.14", driver_cuda="12.4")

    found = capture_accelerator(facts, toolkit="12.1", torch_build={"cuda": "11.8"}, libraries=())

    assert ("550.54.14", "12.4", "12.1", "11.8", ()) == (
        found.driver,
        found.driver_cuda,
        found.toolkit,
        found.framework_cuda,
        found.libraries,
    )


@pytest.mark.processes
@pytest.mark.parametrize(
    ("script", "mode", "expected"),
    [
        ("#!/bin/sh\necho 'Cuda compilation tools, release 12.4, V12.4.131'\n", 0o755, "12.4"),
        ("#!/bin/sh\nexit 1\n", 0o755, ""),
        ("not for this machine", 0o755, ""),
        ("#!/bin/sh\necho release 12.4\n", 0o644, ""),
    ],
)
def test_the_toolkit_is_nvccs(tmp_path: Path, script: str, mode: int, expected: str) -> None:
    """One that is built for another machine, fails or cannot be executed is none."""
    (tmp_path / "nvcc").write_text(script)
    (tmp_path / "nvcc").chmod(mode)

    assert expected == find_toolkit(f"/nonexistent:{tmp_path}")
