"""Runs inside the interpreter that is captured and prints what it finds there as one JSON document.

Standard library only, Python 3.8 or newer, and nothing of the environment is imported: reading
``torch/version.py`` tells torch's CUDA without starting torch. The document follows the line MARKER, since
a ``.pth`` file or a ``sitecustomize`` of the environment may have printed something before.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.inside.probe._probe_accelerator import accelerator
    from envsnap.inside.probe._probe_conda import conda_packages
    from envsnap.inside.probe._probe_document import show
    from envsnap.inside.probe._probe_interpreter import interpreter, platform_facts
    from envsnap.inside.probe._probe_machine import machine
    from envsnap.inside.probe._probe_packages import packages
    from envsnap.inside.probe._probe_roots import import_roots
    from envsnap.inside.probe._probe_system import system_state
    from envsnap.inside.probe._probe_toolkit import Asked
else:
    # PYTHONSAFEPATH and -I leave the script's own folder out.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from _probe_accelerator import accelerator
    from _probe_conda import conda_packages
    from _probe_document import show
    from _probe_interpreter import interpreter, platform_facts
    from _probe_machine import machine
    from _probe_packages import packages
    from _probe_roots import import_roots
    from _probe_system import system_state
    from _probe_toolkit import Asked


def main() -> None:
    """Find out and show."""
    gc.disable()  # it ends soon, and keeps most of what it makes
    nvcc = Asked(os.environ)
    document = {
        "interpreter": interpreter(),
        "platform": platform_facts(),
        "roots": import_roots(),
        "packages": packages(),
        "conda": conda_packages(),
        "accelerator": accelerator(os.environ, nvcc),
        "machine": machine(),
        "system-state": system_state(),
    }
    show(document)
    gc.freeze()  # Python looks once more at its exit


if __name__ == "__main__":
    main()
