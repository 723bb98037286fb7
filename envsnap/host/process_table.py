"""The processes of this machine as /proc shows them (Linux; elsewhere there are none).

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_PARENT, _CPU = 1, slice(11, 13)
"""Where the parent, and the time in user and in kernel mode stand after the command's name."""


def parents() -> dict[int, int]:
    """Return the parent of every process."""
    return {pid: int(fields[_PARENT]) for pid, fields in _all()}


def descendants(ancestors: Iterable[int]) -> frozenset[int]:
    """Return these processes, and all that they started and that have not left them."""
    found, by_pid = set(ancestors), parents()
    while more := {pid for pid, parent in by_pid.items() if parent in found} - found:
        found |= more
    return frozenset(found)


def processor_seconds(pids: Iterable[int]) -> float:
    """Return how long processes have computed together; one that is gone counts nothing."""
    ticks = sum(int(value) for pid in pids for value in _fields(pid)[_CPU])
    return ticks / os.sysconf("SC_CLK_TCK")


def _all() -> Iterator[tuple[int, list[str]]]:
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal() and (fields := _fields(int(entry.name))):
                yield int(entry.name), fields


def _fields(pid: int) -> list[str]:
    """Return what follows the command's name, which stands in parentheses and may hold any sign; [] if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
