"""Proves packages by the indexes' pages, apart from the interpreter's lock of whoever asks.

Usage: python -m envsnap.lock.listed_child < QUESTION; both sides are JSON, see listed.py.
"""

import gc
import sys
from typing import Any

import msgspec

from envsnap.host.index_http import IndexConnections
from envsnap.host.index_page import IndexPages
from envsnap.host.wheel_file import RemoteWheels
from envsnap.lock.artefact_sources import Remote
from envsnap.lock.indexes import Indexes
from envsnap.lock.listed import Question, read_pages


def main() -> None:
    """Read, prove and answer; without a question there is no answer."""
    gc.disable()  # next to nothing of what it makes is garbage before it ends
    data = sys.stdin.buffer.read()
    if data:
        question = msgspec.json.decode(data, type=Question, dec_hook=_of_text)
        http = IndexConnections(question.config)
        indexes = Indexes(lambda: question.urls, IndexPages(http), several=False, alone=True)
        remote = Remote(indexes=indexes, records=RemoteWheels(http), wheels=question.wheels)
        sys.stdout.buffer.write(msgspec.json.encode(read_pages(question.packages, remote)))


def _of_text(kind: type, text: str) -> Any:  # noqa: ANN401 - msgspec's own signature
    return kind(text)


if __name__ == "__main__":
    main()
