"""Frames the probe's answer, so that nothing else on standard output can be taken for it."""

from __future__ import annotations

import json

MARKER = "--- envsnap probe 1 ---"


def show(document: dict[str, object]) -> None:
    """Print the marker and the document on one line."""
    print("\n" + MARKER + "\n" + json.dumps(document, ensure_ascii=True))
