"""How a command shows its progress on standard error: stages, live output, how long a job has been running."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from threading import Event, RLock, Thread
from time import monotonic as now

import click

from envsnap.cli.streams import is_terminal, tell
from envsnap.host.credentials import mask_credentials
from envsnap.report.printable import printable

TOLD_SECONDS = (60.0, 300.0)
"""After which a log is told that the job runs, the last time again and again: some CI services end a job whose log
stands still for ten minutes."""
TICK_SECONDS = 1.0


class StderrProgress:
    """Progress as lines on standard error; the output of a job or builder is indented under its stage.

    On a terminal the last line of live output is shown in place, with the time while a job runs; elsewhere lines are
    shown with ``-v`` alone, and the last one now and then. Every method may be called from any thread.

    Args:
        quiet: whether to tell warnings alone.
        verbose: whether to show every line of live output.
        in_place: whether a line may be shown in place: not where something else is printed on the same terminal.
    """

    def __init__(self, *, quiet: bool, verbose: bool, in_place: bool = True) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._live = in_place and is_terminal(sys.stderr) and not quiet and not verbose
        self._shown = False
        self._lock = RLock()
        self._began: float | None = None
        self._last = ""

    def stage(self, text: str) -> None:
        """Begin a stage."""
        with self._lock:
            self._clear()
            if not self._quiet:
                tell(f"envsnap: {printable(text)}")

    def detail(self, text: str) -> None:
        """Show a line of live output."""
        clean = printable(text)
        with self._lock:
            self._last = clean if clean.strip() else self._last
            if self._verbose:
                tell(f"  | {clean}")
            elif self._live and clean.strip():
                self._show()

    @contextlib.contextmanager
    def running(self, text: str) -> Iterator[None]:
        """Begin a stage that may take days: for as long as the block runs, its time and last line are shown."""
        self.stage(text)
        if self._quiet:
            yield
            return
        self._last, self._began = "", now()
        ended = Event()
        ticker = Thread(target=self._tick, args=(ended,), name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
            self._began = None
            self.close()

    @contextlib.contextmanager
    def transfer(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Begin a stage of ``total`` bytes; on a terminal a bar shows how far it is."""
        self.stage(text)
        if not self._live:
            yield lambda _count: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
        # transient: the line of the stage stays, as for every other one
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda count: bar.advance(task, count)

    def warn(self, text: str) -> None:
        """Say what the user should know."""
        with self._lock:
            self._clear()
            tell(f"envsnap: warning: {printable(mask_credentials(text))}")

    def close(self) -> None:
        """Leave the terminal clean."""
        with self._lock:
            self._clear()

    def _tick(self, ended: Event) -> None:
        began = now()
        due = list(TOLD_SECONDS)
        while not ended.wait(TICK_SECONDS):
            with self._lock:
                seconds = now() - began
                if self._live:
                    self._show()
                elif seconds >= due[0]:
                    due = due[1:] or [due[0] + TOLD_SECONDS[-1]]
                    last = f"; its last line: {self._last}" if self._last and not self._verbose else ""
                    tell(f"envsnap: running for {clock(seconds)}{last}")

    def _show(self) -> None:
        line = f"  | {self._last}" if self._last else ""
        if self._began is not None:
            line = f"  {clock(now() - self._began)}{line}"
        self._clear()
        click.echo(line[: shutil.get_terminal_size().columns - 2], err=True, nl=False)
        self._shown = True

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[2K", err=True, nl=False)
            self._shown = False


def clock(seconds: float) -> str:
    """Write a time as hours, minutes and seconds: ``1:02:05``, ``2:05``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
