"""One command to execute and how it ended, as values: the same for a process of this machine and a container. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.host.output import ignore_line
from envsnap.host.overlay import Overlay


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One command to execute.

    Args:
        argv: the command; the first word is looked up in the environment (its ``bin`` folder comes first).
        workdir: absolute folder to run in; visible and writable inside, under the same path.
        env: variables to set on top of the environment's own few (PATH, HOME, LANG, TMPDIR).
        read_only: absolute files and folders that must be readable inside under the same paths.
        writable: absolute folders, beside ``workdir``, that must be writable inside under the same paths.
        overlay: ``workdir`` as the lower folder: what is written there lands in the upper one.
        hidden: absolute folders, below ``workdir``, that a container shows empty; what is written there is lost.
        timeout: seconds after which the command and its children are ended, or None.
        network: whether a container gets the engine's default network; a local environment always has the host's.
        gpus: "all", "none" or a number of GPUs.
        is_job: whether a user's job is run: whatever it leaves running is then ended, and no other command runs.
        shm_bytes: size of /dev/shm in a container, in bytes, or None for the engine's default of 64 MiB.
        memlock_bytes: how much a process of a container may lock in memory, in bytes; -1 for no limit, None for the
            engine's default.
        open_files: how many files such a process may have open, and what it may raise that to; likewise.
        memory_bytes: what a container's processes may use together, or None for no limit.
        processes: how many processes and threads a container may have at once, or None for no limit.
        on_silence: told in another thread where nothing has happened for long, with what the command waits for.
        on_output: called in this thread with each line of live output, standard output and error alike, without line
            end, as it arrives.
    """

    argv: tuple[str, ...]
    workdir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    overlay: Overlay | None = None
    hidden: tuple[Path, ...] = ()
    timeout: float | None = None
    network: bool = False
    gpus: str | int = "none"
    is_job: bool = False
    shm_bytes: int | None = None
    memlock_bytes: int | None = None
    open_files: tuple[int, int] | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    on_silence: Callable[[str], None] | None = None
    on_output: Callable[[str], None] = ignore_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """How a command ended.

    Args:
        exit_code: 128 + signal where it was killed.
        stdout: what was kept of its standard output; ``stderr`` of its standard error.
        seconds: how long it ran.
        timed_out: whether it was ended for its timeout.
        out_of_memory: whether the kernel is known to have killed a process of its container.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False
    out_of_memory: bool = False
