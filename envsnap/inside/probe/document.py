"""Frames the probe's answer, so that nothing else on standard output can be taken for it."""

from __future__ import annotations

import json
import sys

MARKER = "--- envsnap probe 1 ---"


def show(document: dict[str, object]) -> None:
    """Print the marker and the document on one line of UTF-8; bytes of a file's name that are no text become "?"."""
    text = "\n" + MARKER + "\n" + json.dumps(document, ensure_ascii=False) + "\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.flush()
