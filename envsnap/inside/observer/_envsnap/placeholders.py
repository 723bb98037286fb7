"""Names for the folders that differ between machines: the environment's, its base's and the user's."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import sys

PREFIX, BASE, HOME = "{prefix}", "{base}", "~"


def in_text(text: str) -> str:
    """Replace the folders wherever they stand in a text."""
    for folder, placeholder in _folders():
        # A whole folder's name only: /opt/env must not be found in /opt/env2.
        text = re.sub(re.escape(folder) + r"(?![\w.-])", placeholder, text)
    return text


def in_path(path: str) -> str:
    """Replace the folder that a path begins with."""
    for folder, placeholder in _folders():
        if path == folder or path.startswith(folder + "/"):
            return placeholder + path[len(folder) :]
    return path


def _folders() -> list[tuple[str, str]]:
    named = [(home, HOME) for home in _homes()] + [(sys.base_prefix, BASE), (sys.prefix, PREFIX)]
    folders = {spelt: name for path, name in named for spelt in (path, os.path.realpath(path))}
    # The longest first: a virtual environment may lie in its base or in the user's folder.
    return sorted(((path, name) for path, name in folders.items() if path != "/"), key=lambda pair: -len(pair[0]))


def _homes() -> list[str]:
    homes = [os.path.expanduser("~")]
    with contextlib.suppress(KeyError):  # a container may run as a user without an entry
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return [home for home in homes if home.startswith("/")]
