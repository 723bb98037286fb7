"""Imports the numerical frameworks that are there, and tells what the observer would tell of a job.

Its argument is threadpoolctl's file. A framework that cannot be imported is an error in the answer.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
import warnings

from ..observer._envsnap.report import describe
from ..observer._envsnap.watch import Errors, Watch
from .document import show

FRAMEWORKS = ("numpy", "scipy.linalg", "torch", "tensorflow", "jax")


def main(threadpoolctl: str) -> None:
    """Import and answer."""
    errors = Errors()
    warnings.simplefilter("ignore")
    for name in FRAMEWORKS:
        errors.attempt("import of " + name, functools.partial(_import, name))
    launch = {
        "threadpoolctl": threadpoolctl,
        "hash-seed": os.environ.get("PYTHONHASHSEED", ""),
        "seed": None,
        "environ": dict(os.environ),
    }
    show(describe(launch, len(sys.modules), Watch(), errors))


def _import(name: str) -> None:
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        importlib.import_module(name)
