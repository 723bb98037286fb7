"""What the frameworks' files say of their builds; none of them is imported."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.inside.probe._probe_files import read
    from envsnap.inside.probe._probe_interpreter import roots
else:
    from _probe_files import read
    from _probe_interpreter import roots

TORCH_FIELD = re.compile(r"^(cuda|hip|git_version|__version__)\b[^=]*=\s*(?:'([^']*)'|\"([^\"]*)\")", re.MULTILINE)


def torch_build() -> dict[str, str]:
    """Return what ``torch/version.py`` says, without importing it."""
    for root in roots():
        text = read(os.path.join(root, "torch", "version.py"))
        if text:
            return {match[0].strip("_"): match[1] or match[2] for match in TORCH_FIELD.findall(text)}
    return {}
