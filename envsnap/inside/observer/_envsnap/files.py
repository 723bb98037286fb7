"""Notes the data files that a process opens for reading, as Python's audit events tell.

Seen are ``open``, ``os.open``, numpy, pandas, torch.load, Pillow and all else that opens files through Python,
and ``sqlite3.connect``; further the files that are mapped or still open when the process ends. Not seen are files
that a library opens by C code and closes again: pyarrow, HDF5, OpenCV, tf.data, a Rust reader. A file that was made
or changed after the job began (by its ctime) is the job's own and no input.

https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import os
import stat
import sys

from .journal import Journal
from .places import Places

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Path = Any  # whatever the job opens
    Attempt = Callable[..., Any]

CODE = (".py", ".pyc", ".pyd", ".pyi", ".pyo", ".pth", ".so", ".nbc", ".nbi")
WRITES = os.O_WRONLY | os.O_TRUNC | os.O_APPEND | os.O_EXCL
TICK = 10_000_000
"""Nanoseconds by which the kernel's time for files may lag behind the clock (CONFIG_HZ is 100 at least)."""
PATH_EVENTS = ("os.link", "os.symlink", "os.rename", "os.remove")
OWN_MARK = "envsnap"
"""In the name of every file that is envsnap's own; most names are told apart by that alone."""
MOST_FILES = 2000
MOST_KNOWN = 20000
"""Names kept so that a file is looked at once; a job that opens more files is not to pay for it in memory."""


class OpenedFiles:
    """The data files of one process.

    Args:
        places: which files are the job's.
        journal: where they are noted.
        began: when the job began, in nanoseconds since the epoch.
        attempt: runs what must not fail.
    """

    def __init__(self, places: Places, journal: Journal, began: int, attempt: Attempt) -> None:
        self._places = places
        self._journal = journal
        self._began = began - TICK
        self._attempt = attempt
        self._known: set[Path] = set()
        self._noted = 0
        self._reached: set[str] = set()

    def watch(self) -> None:
        """Begin to listen; an audit hook stays until the process ends."""
        known, consider, look = self._known, self._consider, self._look_for_answers

        def listen(event: str, args: tuple[Any, ...]) -> None:
            # Called for each audit event of the process, `id()` among them: most must leave at once.
            if event == "open":
                try:
                    if args[0] not in known:
                        consider(args[0], args[2])
                except TypeError:  # a name that has no hash is no file's name
                    return
            elif event in PATH_EVENTS:
                look(args[0])
            elif event == "os.chdir":
                self._attempt("a change of folder", self._forget_relative)
            elif event == "sqlite3.connect":
                consider(args[0], 0)

        sys.addaudithook(listen)

    def note_held(self, mapped: set[str]) -> None:
        """Note the files that are mapped or open for reading now.

        Args:
            mapped: every mapped file.
        """
        for path in sorted(mapped | set(_open_for_reading())):
            if ".so." not in os.path.basename(path):
                self._consider(path, 0)

    def _consider(self, path: Path, flags: int) -> None:
        if isinstance(path, int) or len(self._known) >= MOST_KNOWN:
            return
        self._look_for_answers(path)
        if flags & WRITES:
            return
        self._attempt("an opened file", lambda: self._note(path))

    def _note(self, path: Path) -> None:
        name = os.fsdecode(path)
        if name.endswith(CODE):
            return
        absolute = os.path.abspath(name)
        if self._places.is_foreign(absolute) or self._places.is_foreign(os.path.realpath(absolute)):
            self._known.add(path)
            return
        try:
            status = os.stat(absolute)
        except OSError:  # it cannot be opened either
            return
        self._known.update((path, absolute))
        if stat.S_ISREG(status.st_mode) and status.st_ctime_ns < self._began and not _is_script(absolute):
            self._write(absolute, status.st_size)

    def _look_for_answers(self, path: Path) -> None:
        """Note an attempt to get at the baseline or at former runs, whether they are there for this process or not."""
        name = path if isinstance(path, str) else "" if isinstance(path, int) else os.fsdecode(path)
        if OWN_MARK in name:
            self._attempt("a look at former runs", lambda: self._note_reached(os.path.abspath(name)))

    def _note_reached(self, absolute: str) -> None:
        if self._places.is_answer(absolute) and absolute not in self._reached:
            self._reached.add(absolute)
            self._journal.write("reached", {"path": self._places.shown(absolute)})

    def _write(self, absolute: str, size: int) -> None:
        self._noted += 1
        if self._noted <= MOST_FILES:
            shown, real = self._places.shown(absolute), self._places.shown(os.path.realpath(absolute))
            self._journal.write("opened", {"path": shown, "real": real, "size": size})

    def _forget_relative(self) -> None:
        self._known.difference_update([name for name in list(self._known) if not os.path.isabs(os.fsdecode(name))])


def _is_script(absolute: str) -> bool:
    main: str = getattr(sys.modules.get("__main__"), "__file__", None) or (getattr(sys, "argv", None) or [""])[0]
    return absolute == os.path.abspath(main)


def _open_for_reading() -> list[str]:
    numbers = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    return [path for path in map(_file_read_by, numbers) if path.startswith("/")]


def _file_read_by(descriptor: str) -> str:
    try:
        with open("/proc/self/fdinfo/" + descriptor, encoding="ascii") as info:
            flags = [int(line.split()[1], 8) for line in info if line.startswith("flags:")]
        return os.readlink("/proc/self/fd/" + descriptor) if flags and flags[0] & os.O_ACCMODE == 0 else ""
    except OSError:  # the listing's own descriptor is closed by now
        return ""
