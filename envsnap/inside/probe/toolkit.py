"""Finds nvcc and asks it for its release."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASE = re.compile(r"\brelease (\d+\.\d+)")
DEFAULT = "/usr/local/cuda"
ANSWER_SECONDS = 20


def toolkit(environ: Mapping[str, str]) -> str:
    """Return the release of the first nvcc that answers, on PATH, in CUDA_HOME, CUDA_PATH or its usual place.

    One that is built for another machine, fails or is silent is none. "" where there is none.
    """
    homes = [environ.get("CUDA_HOME", ""), environ.get("CUDA_PATH", ""), DEFAULT]
    folders = environ.get("PATH", "").split(os.pathsep) + [os.path.join(home, "bin") for home in homes if home]
    places = [os.path.join(folder, "nvcc") for folder in dict.fromkeys(filter(None, folders))]
    answers = (_ask(nvcc) for nvcc in places if os.path.isfile(nvcc) and os.access(nvcc, os.X_OK))
    return next(filter(None, answers), "")


def _ask(nvcc: str) -> str:
    import subprocess  # takes as long to import as much of the probe, and most environments have no nvcc

    try:
        done = subprocess.run(
            (nvcc, "--version"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = RELEASE.search(done.stdout.decode("utf-8", "replace"))
    return match.group(1) if done.returncode == 0 and match else ""
