"""Imports the numerical frameworks that are there, and tells what the observer would tell of a job.

Usage: python deep.py FOLDER-OF-THE-OBSERVER THREADPOOLCTL. A framework that cannot be imported is an error in the
answer.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envsnap.inside.probe._probe_document import show

    Module = Any
else:
    from _probe_document import show

FRAMEWORKS = ("numpy", "scipy.linalg", "torch", "tensorflow", "jax")


def main(observer_folder: str, threadpoolctl: str) -> None:
    """Import and answer."""
    observer, report = _observer_modules(observer_folder)
    errors = observer.Errors()
    warnings.simplefilter("ignore")
    for name in FRAMEWORKS:
        errors.attempt("import of " + name, functools.partial(_import, name))
    launch = {
        "threadpoolctl": threadpoolctl,
        "hash-seed": os.environ.get("PYTHONHASHSEED", ""),
        "seed": None,
        "environ": dict(os.environ),
    }
    show(report.describe(launch, len(sys.modules), observer.Watch(), errors))


def _observer_modules(folder: str) -> tuple[Module, Module]:
    """Import the observer's; then no folder of envsnap's stands on the path, where the frameworks would find names."""
    sys.path[0] = folder
    modules = importlib.import_module("_envsnap_observer"), importlib.import_module("_envsnap_report")
    del sys.path[0]
    return modules


def _import(name: str) -> None:
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        importlib.import_module(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
