"""Folders of single runs under .envsnap/runs: named in the order of the runs, the oldest removed."""

import shutil
import time
from pathlib import Path

from envsnap.host.files import work_folder

KEPT = 10


def runs_folder(project: Path) -> Path:
    """Return the folder of all runs."""
    return work_folder(project) / "runs"


def new_run_folder(project: Path) -> Path:
    """Make the folder of a new run, and remove those of runs long past."""
    root = runs_folder(project)
    root.mkdir(exist_ok=True)
    for old in sorted(root.iterdir())[: -KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{time.time_ns():020d}"
    folder.mkdir()
    return folder
