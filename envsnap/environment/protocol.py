"""What every Environment offers: it executes a command; nothing else is asked of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


def discard(_text: str) -> None:
    """Drop a line of live output: the default listener."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One command to execute.

    Args:
        argv: the command; the first word is looked up in the environment (its ``bin`` folder comes first).
        workdir: absolute folder to run in; visible and writable inside, under the same path.
        env: variables to set on top of the environment's own few (PATH, HOME, LANG, TMPDIR).
        read_only: absolute files and folders that must be readable inside under the same paths.
        writable: absolute folders, beside ``workdir``, that must be writable inside under the same paths.
        timeout: seconds after which the command and its children are ended, or None.
        network: whether a container gets a network; a local environment always has the host's.
        gpus: "all", "none" or a number of GPUs.
        shm_bytes: size of /dev/shm in a container, in bytes, or None for the engine's default.
        on_output: called with each line of live output, standard output and error alike, without line end.
    """

    argv: tuple[str, ...]
    workdir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    timeout: float | None = None
    network: bool = False
    gpus: str | int = "none"
    shm_bytes: int | None = None
    on_output: Callable[[str], None] = discard


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """How a command ended: exit code (128 + signal where it was killed), its output and its duration in seconds."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False


class Environment(Protocol):
    """A place where Python runs."""

    @property
    def name(self) -> str:
        """What to call this environment in a message, for example ``container envsnap/digits:3f2a``."""

    @property
    def python(self) -> str:
        """The command that starts this environment's interpreter."""

    def execute(self, execution: Execution) -> Completed:
        """Run one command to its end.

        Raises:
            MissingToolError: the command or the engine is not there.
        """
