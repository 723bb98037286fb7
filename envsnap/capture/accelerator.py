"""CUDA as this machine, its toolkit and the framework have it: versions that can disagree."""

import os
import re
from pathlib import Path

from envsnap.errors import MissingToolError
from envsnap.host.nvml import NvmlFacts
from envsnap.host.process import run
from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary

NVCC_RELEASE = re.compile(r"\brelease (\d+\.\d+)")


def capture_accelerator(
    nvml: NvmlFacts, *, toolkit: str, torch_build: dict[str, str], libraries: tuple[AcceleratorLibrary, ...]
) -> Accelerator:
    """Put together the four CUDA versions and the accelerator libraries, loaded ones and others."""
    return Accelerator(
        driver=nvml.driver,
        driver_cuda=nvml.driver_cuda,
        toolkit=toolkit,
        framework_cuda=torch_build.get("cuda", ""),
        libraries=libraries,
    )


def find_toolkit(search: str) -> str:
    """Return the release of the first nvcc on the search path ``search``, "" where there is none."""
    for folder in search.split(os.pathsep):
        nvcc = Path(folder) / "nvcc"
        if nvcc.is_file() and os.access(nvcc, os.X_OK):
            try:
                done = run((str(nvcc), "--version"), cwd=Path("/"), env=os.environ, timeout=30)
            except MissingToolError:
                continue  # built for another machine
            match = NVCC_RELEASE.search(done.stdout.decode("utf-8", "replace"))
            return match.group(1) if match else ""
    return ""
