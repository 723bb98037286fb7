"""A Python process that starts before it is known what to ask it: its imports then cost no time."""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from envsnap.host.execution import Completed
from envsnap.host.process import run


class Standby:
    """The process waits for one question on its standard input; at the end of that without any, it ends by itself."""

    def __init__(self, arguments: Sequence[str], pool: ThreadPoolExecutor) -> None:
        reading, self._writing = os.pipe()
        self._question = os.fdopen(self._writing, "wb")
        self._done = pool.submit(_run, arguments, reading)

    def ask(self, question: bytes) -> Completed:
        """Return how it answered; it is asked once."""
        try:
            with self._question:
                self._question.write(question)
        except BrokenPipeError:
            pass  # its result tells why it has ended
        return self._done.result()

    def dismiss(self) -> None:
        """Let it end, if nobody asked."""
        self._question.close()


@contextmanager
def standby(arguments: Sequence[str]) -> Iterator[Standby]:
    """Start ``python ARGUMENTS`` with this interpreter; its end is waited for."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = Standby(arguments, pool)
        try:
            yield waiting
        finally:
            waiting.dismiss()


def _run(arguments: Sequence[str], reading: int) -> Completed:
    try:
        return run((sys.executable, *arguments), cwd=Path("/"), env=os.environ, stdin=reading)
    finally:
        os.close(reading)
