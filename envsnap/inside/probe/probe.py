"""Runs inside the interpreter that is captured and prints what it finds there as one JSON document.

Standard library only, Python 3.8 or newer, and nothing of the environment is imported: reading
``torch/version.py`` tells torch's CUDA without starting torch. The document follows the line MARKER, since
a ``.pth`` file or a ``sitecustomize`` of the environment may have printed something before.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.inside.probe._probe_document import show
    from envsnap.inside.probe._probe_frameworks import torch_build
    from envsnap.inside.probe._probe_interpreter import interpreter, platform_facts
    from envsnap.inside.probe._probe_packages import conda_packages, packages
else:
    # PYTHONSAFEPATH and -I leave the script's own folder out.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from _probe_document import show
    from _probe_frameworks import torch_build
    from _probe_interpreter import interpreter, platform_facts
    from _probe_packages import conda_packages, packages


def main() -> None:
    """Find out and show."""
    document = {
        "interpreter": interpreter(),
        "platform": platform_facts(),
        "packages": packages(),
        "conda": conda_packages(),
        "torch-build": torch_build(),
    }
    show(document)


if __name__ == "__main__":
    main()
