"""What a command prints: lines handed on while they arrive, a bounded tail kept."""

import codecs
import io
from collections import deque
from collections.abc import Callable

KEPT_BYTES = 64 * 1024 * 1024
"""How much of one stream is kept: a runaway job must not fill this machine's memory."""

_LONGEST_LINE = 64 * 1024


def ignore_line(_line: str) -> None:
    """Drop a line of live output: the default listener."""


class LiveOutput:
    """One stream of a running command.

    A carriage return ends a line as well, so that progress bars show while they move.

    Args:
        on_line: called with each line, decoded as UTF-8 and without its end.
        limit: how many bytes are kept, counted from the end of the stream.
    """

    def __init__(self, on_line: Callable[[str], None] = ignore_line, *, limit: int = KEPT_BYTES) -> None:
        self._on_line = on_line
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._pending = ""
        utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; hand on the lines that they complete."""
        self._keep(data)
        if self._on_line is ignore_line:
            return
        self._pending += self._decoder.decode(data)
        *lines, self._pending = self._pending.split("\n")
        for line in lines:
            self._on_line(line)
        if len(self._pending) > _LONGEST_LINE:
            self._flush()

    def finish(self) -> bytes:
        """Hand on an unfinished last line, and return the bytes that were kept."""
        self._pending += self._decoder.decode(b"", final=True).removesuffix("\n")
        self._flush()
        return b"".join(self._chunks)[-self._limit :]

    def _keep(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        while self._size - len(self._chunks[0]) >= self._limit:
            self._size -= len(self._chunks.popleft())

    def _flush(self) -> None:
        if self._pending:
            line, self._pending = self._pending, ""
            self._on_line(line)
