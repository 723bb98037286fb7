"""What envsnap carries into the interpreters that it asks: its observer, and the libraries that read what is there."""

import importlib.util
from pathlib import Path

from envsnap import inside
from envsnap.errors import MissingToolError


def observer_folder() -> Path:
    """Return the folder that goes in front of PYTHONPATH."""
    return Path(inside.OBSERVER)


def threadpoolctl_file() -> Path:
    """Return threadpoolctl's one file, which tells of native thread pools.

    Raises:
        MissingToolError: threadpoolctl is not installed beside envsnap.
    """
    return _find("threadpoolctl", "threadpoolctl")


def elftools_folder() -> Path:
    """Return the folder of pyelftools' package, which reads ELF files.

    Raises:
        MissingToolError: pyelftools is not installed beside envsnap.
    """
    return _find("elftools", "pyelftools").parent


def _find(module: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingToolError(f"{distribution} is missing beside envsnap: install envsnap anew")
    return Path(spec.origin)
