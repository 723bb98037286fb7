"""Processes on this machine: each runs in a session of its own and never outlives its run."""

import contextlib
import logging
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from envsnap.errors import CommandNotFoundError, EnvsnapError, OverlayRefusedError, UsageError
from envsnap.host.credentials import mask_credentials
from envsnap.host.execution import Completed
from envsnap.host.orphans import Orphans
from envsnap.host.output import LiveOutput, ignore_line
from envsnap.host.overlay import Overlay, OverlayMount
from envsnap.host.silence import noticing_silence

GRACE_SECONDS = 5.0
"""How long a process may take to end after SIGTERM, before SIGKILL."""

_DRAIN_SECONDS = 1.0
_POLL_SECONDS = 0.2
_EXIT_POLL_SECONDS = 0.01
_READ_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


def run(  # noqa: PLR0913 - what a process is given
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    on_output: Callable[[str], None] = ignore_line,
    stdin: bytes | int | None = None,
    adopt: bool = False,
    overlay: Overlay | None = None,
    on_silence: Callable[[str], None] | None = None,
) -> Completed:
    """Run one command to its end; whatever is left of its process group then is ended too.

    Args:
        argv: the command; its first word is looked up in the PATH of ``env``.
        cwd: folder to run in.
        env: the whole environment of the process.
        timeout: seconds after which the process group is ended, or None.
        on_output: called in this thread with each line of both streams, as it arrives.
        stdin: bytes for standard input, or a descriptor to be it; it is empty otherwise.
        adopt: whether to end what left the group too, such as a daemon; no other command may run meanwhile.
        on_silence: told, in another thread, where nothing has happened for long; see :mod:`envsnap.host.silence`.
        overlay: ``cwd`` as the command is to see it, or None for as it is.

    Raises:
        CommandNotFoundError: the executable is not there, or cannot be executed.
        OverlayRefusedError: the kernel makes no overlay here.
        UsageError: ``cwd`` is no folder, or a word or variable is one that no process can be given.
    """
    _log.debug("in %s: %s", cwd, mask_credentials(shlex.join(argv)))
    started = time.monotonic()
    orphans = Orphans() if adopt else None
    try:
        process = _start(argv, cwd, env, stdin, overlay)
        group = _ProcessGroup(process, on_output, orphans)
        try:
            finished = group.follow_leader(timeout, on_silence)
        finally:
            group.end()
    finally:
        if orphans is not None:
            orphans.release()
    return group.completed(time.monotonic() - started, timed_out=not finished)


class _ProcessGroup:
    """A process that leads its group, and the two pipes that the group writes to."""

    def __init__(
        self, process: subprocess.Popen[bytes], on_output: Callable[[str], None], orphans: Orphans | None
    ) -> None:
        self._process, self._orphans = process, orphans
        self._heard: Callable[[], None] = lambda: None
        if orphans is not None:
            orphans.leave(process.pid)
        self._outputs = (LiveOutput(on_output), LiveOutput(on_output))
        self._selector = selectors.DefaultSelector()
        self._open = 0
        self._ended = _descriptor_of(process.pid)
        if self._ended is not None:
            self._selector.register(self._ended, selectors.EVENT_READ)
        for pipe, output in zip((process.stdout, process.stderr), self._outputs, strict=True):
            if pipe is not None:
                self._selector.register(pipe, selectors.EVENT_READ, output)
                self._open += 1

    def follow_leader(self, seconds: float | None, on_silence: Callable[[str], None] | None) -> bool:
        """Read the pipes until the leader has ended; return False where it does not within ``seconds``."""
        with noticing_silence(self._process.pid, seconds, on_silence) as self._heard:
            return self.follow(until=self.has_exited, seconds=seconds)

    def follow(self, *, until: Callable[[], bool], seconds: float | None) -> bool:
        """Read the pipes until ``until`` holds; return False where it does not within ``seconds``."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not until():
            left = _POLL_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            longest = _POLL_SECONDS if self._selector.get_map() else _EXIT_POLL_SECONDS
            self._read(min(left, longest))
        return True

    def has_exited(self) -> bool:
        """Whether the leader has ended. It is not reaped yet: nobody else can get its group's number."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> None:
        """Read what is left, end every process of the group, and reap the leader."""
        try:
            self._signal(signal.SIGTERM)
            self.follow(until=self._is_over, seconds=GRACE_SECONDS)
        finally:
            self._signal(signal.SIGKILL)
            try:
                self.follow(until=self._is_over, seconds=_DRAIN_SECONDS)
            finally:
                self._close()

    def completed(self, seconds: float, *, timed_out: bool) -> Completed:
        """Return how the leader ended, with what was kept of the output."""
        stdout, stderr = self._outputs
        return Completed(
            exit_code=_exit_code(self._process.returncode),
            stdout=stdout.finish(),
            stderr=stderr.finish(),
            seconds=seconds,
            timed_out=timed_out,
        )

    def _is_over(self) -> bool:
        return not self._open and self.has_exited() and (self._orphans is None or self._orphans.are_gone())

    def _read(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.fd == self._ended:
                self._selector.unregister(key.fileobj)
            elif data := os.read(key.fd, _READ_BYTES):
                self._heard()
                key.data.feed(data)
            else:
                self._selector.unregister(key.fileobj)
                self._open -= 1

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        if self._orphans is not None:
            self._orphans.signal(number)

    def _close(self) -> None:
        self._selector.close()
        if self._ended is not None:
            os.close(self._ended)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait()


def _descriptor_of(pid: int) -> int | None:
    """Return a descriptor that can be read once the process has ended; None where the kernel has none (before 5.3)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _start(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes | int | None, overlay: Overlay | None
) -> subprocess.Popen[bytes]:
    refused = ""
    with _input(stdin) as source:
        mount = None if overlay is None else OverlayMount(overlay)
        try:
            return subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=mount,  # noqa: PLW1509 - it takes no lock: system calls alone
            )
        except subprocess.SubprocessError as error:
            failure: Exception = error
        except OSError as error:
            raise _cannot_start(argv, cwd, error) from error
        except ValueError as error:  # a NUL character, or "=" in a variable's name
            raise UsageError(f"cannot run {argv[0]!r}: {error} in its words or variables") from error
        finally:
            refused = mount.close() if mount is not None else ""
    raise OverlayRefusedError(refused or str(failure)) from failure


@contextlib.contextmanager
def _input(data: bytes | int | None) -> Iterator[IO[bytes] | int]:
    """Give a file, not a pipe: a pipe holds 64 KiB, and more waits for a process that may not read."""
    if data is None or isinstance(data, int):
        yield subprocess.DEVNULL if data is None else data
        return
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _cannot_start(argv: Sequence[str], cwd: Path, error: OSError) -> EnvsnapError:
    command = mask_credentials(shlex.join(argv))
    if not os.path.isdir(cwd):  # noqa: PTH112 - Path.is_dir raises where a folder above cannot be entered
        return UsageError(f"cannot run '{command}': {cwd} is not a folder")
    if not os.access(cwd, os.X_OK):
        return UsageError(f"cannot run '{command}': {cwd} cannot be entered: permission denied")
    if not isinstance(error, FileNotFoundError):
        return CommandNotFoundError(f"cannot run '{command}': {error.strerror}; check that '{argv[0]}' is executable")
    if os.path.isfile(argv[0]):  # noqa: PTH113 - as above
        return CommandNotFoundError(f"cannot run '{command}': the program that starts '{argv[0]}' is not there")
    return CommandNotFoundError(f"cannot run '{command}': '{argv[0]}' not found; install it, or correct PATH")


def _exit_code(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode
