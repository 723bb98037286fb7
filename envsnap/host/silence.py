"""Notices that a command neither computes nor prints any more, and says what it waits for.

A job that hangs, for a rank that never came or a port that is closed, would otherwise be found at its timeout.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from envsnap.host.process_table import descendants, processor_seconds
from envsnap.host.waiting import describe_waits

FIRST_SECONDS = 60.0
"""After which it is said for the first time; each time after takes twice as long."""
_SHARE = 4
"""Of the timeout: a shorter one is told of after its fourth part."""
_BUSY = 0.05
"""Of one processor: torchrun, Ray and others that wait look after their workers several times a second."""
_LOOKS = 6
_MOST_PROCESSES = 5


class Silence:
    """Looks after one command in a thread of its own; a thread of the caller's says when there is output.

    Args:
        leader: the command's process; what it started belongs to it.
        timeout: seconds after which the command is ended, or None.
        tell: called from the watching thread.
    """

    def __init__(self, leader: int, timeout: float | None, tell: Callable[[str], None]) -> None:
        self._leader, self._timeout, self._tell = leader, timeout, tell
        self._since = time.monotonic()
        self._ended = threading.Event()

    def heard(self) -> None:
        """Note that the command printed something."""
        self._since = time.monotonic()

    def watch(self) -> None:
        """Look until :meth:`end`; tell what the command waits for whenever nothing has happened for long."""
        first = min(FIRST_SECONDS, (self._timeout or FIRST_SECONDS * _SHARE) / _SHARE)
        patience, began = first, self._since
        computed = processor_seconds(descendants([self._leader]))
        while not self._ended.wait(first / _LOOKS):
            pids = descendants([self._leader])
            now, seconds = time.monotonic(), processor_seconds(pids)
            if self._since > began or abs(seconds - computed) > _BUSY * (now - began):
                # a worker that ended takes its time with it: less is a change too
                patience, began, computed = first, max(now, self._since), seconds
            elif now - began >= patience:
                self._tell(self._describe(now - began, pids))
                patience *= 2

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _describe(self, seconds: float, pids: frozenset[int]) -> str:
        waits = list(describe_waits(pids))
        more = [f"{len(waits) - _MOST_PROCESSES} more"] if len(waits) > _MOST_PROCESSES else []
        told = "; ".join([*waits[:_MOST_PROCESSES], *more]) or "what it waits for cannot be seen from here"
        ending = "no `timeout` in envsnap.toml ends it" if self._timeout is None else f"ends after {self._timeout:g} s"
        return f"nothing has happened for {seconds:.0f} s, no output and no computing: {told}; {ending}"


@contextlib.contextmanager
def noticing_silence(
    leader: int | None, timeout: float | None, tell: Callable[[str], None] | None
) -> Iterator[Callable[[], None]]:
    """Watch a command for as long as the block runs; give what is to be called with its output.

    Args:
        leader: the command's process; None where it cannot be seen.
        timeout: seconds after which it is ended, or None.
        tell: is told, from another thread; None where nobody asks.
    """
    if leader is None or tell is None:
        yield lambda: None
        return
    silence = Silence(leader, timeout, tell)
    thread = threading.Thread(target=silence.watch, name="silence", daemon=True)
    thread.start()
    try:
        yield silence.heard
    finally:
        silence.end()
        thread.join()
