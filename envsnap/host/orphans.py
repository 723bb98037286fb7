"""Processes that a command left behind, those too that made a session of their own: adopted, so that they can be ended.

A process whose parent has ended gets the nearest ancestor that adopts orphans as its parent:
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
"""

import contextlib
import ctypes
import os
import signal

from envsnap.host.process_table import descendants, parents

PR_SET_CHILD_SUBREAPER = 36


class Orphans:
    """The processes that become this one's children from now on; no other thread may start one meanwhile.

    Whoever starts a command says by :meth:`leave` which child is not an orphan: it reaps that one itself.
    """

    def __init__(self) -> None:
        self._before = _children()
        _adopt(enabled=True)

    def leave(self, pid: int) -> None:
        """Leave a child to whoever started it."""
        self._before |= {pid}

    def are_gone(self) -> bool:
        """Whether none is left; those that have ended are reaped."""
        for pid in _children() - self._before:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        return not _children() - self._before

    def signal(self, number: signal.Signals) -> None:
        """Signal all, and whatever they started; one that is ended leaves its own children as new orphans."""
        for pid in descendants(_children() - self._before):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def release(self) -> None:
        """Adopt no more."""
        _adopt(enabled=False)


def _adopt(*, enabled: bool) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(enabled), 0, 0, 0)


def _children() -> frozenset[int]:
    own = os.getpid()
    return frozenset(pid for pid, parent in parents().items() if parent == own)
