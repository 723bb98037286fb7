"""Runs inside the interpreter that is captured and prints what it finds there as one JSON document.

Standard library only, Python 3.8 or newer, and nothing of the environment is imported: reading
``torch/version.py`` tells torch's CUDA without starting torch. The document follows the line MARKER, since
a ``.pth`` file or a ``sitecustomize`` of the environment may have printed something before.
"""

from __future__ import annotations

import gc
import os

from .accelerator import accelerator
from .conda import conda_packages
from .document import show
from .interpreter import interpreter, platform_facts
from .machine import machine
from .packages import packages
from .roots import import_roots
from .system import system_state


def main() -> None:
    """Find out and show."""
    gc.disable()  # it ends soon, and keeps most of what it makes
    document = {
        "interpreter": interpreter(),
        "platform": platform_facts(),
        "roots": import_roots(),
        "packages": packages(),
        "conda": conda_packages(),
        "accelerator": accelerator(os.environ),
        "machine": machine(),
        "system-state": system_state(),
    }
    show(document)
    gc.freeze()  # Python looks once more at its exit
