"""The Job: a command, its inputs and outputs, its seed, limits and resources; and each input as it was found."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.layout import Layout
from envsnap.manifest.model import Model
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.tolerance import Tolerance


class Datum(Model, frozen=True):
    """One input of the job.

    Args:
        path: relative to the project, or absolute.
        size: in bytes; of a folder, the sum of its files.
        sha256: of the file, or of a folder's listing.
        files: how many files a folder holds; 0 for a file.
        tracked_by: ``dvc`` where DVC records a version of it.
        tracked_hash: that version: the MD5 of a file; of a folder with ``.dir`` behind it.
    """

    path: str
    size: int
    sha256: str
    files: int = 0
    tracked_by: str = ""
    tracked_hash: str = ""


PROCESSES = 16384
"""Half of what Linux gives a machine at least (kernel.pid_max): dozens of workers with a thread a core stay below."""

Gpus = Literal["all", "none"] | Annotated[int, msgspec.Meta(ge=0)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
"""PYTHONHASHSEED and numpy take 32 bits: https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED"""

ProfileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
"""It stands in keys of TOML and in messages."""

RelativePath = Annotated[str, msgspec.Meta(pattern=r"^(?!/)(?!(.*/)?\.\.(/|\Z))[^\x00-\x1f\x7f]+\Z")]
"""A path that stays inside the folder it is joined to."""


class JobOutput(Model, frozen=True):
    """One file that the job writes.

    Args:
        path: in the project.
        format: how it is read.
        tolerance: by name of the metric, column or tensor; globs match several.
        layout: how a text file writes its values; absent: the file alone tells.
    """

    path: RelativePath
    format: OutputFormat
    tolerance: dict[str, Tolerance] = {}
    layout: Layout | None = None


class Job(Model, frozen=True):
    """A job, fully resolved: nothing in it depends on where it is read.

    Args:
        command: argument list; never given to a shell.
        inputs: glob patterns, relative to the project or absolute.
        outputs: the files that it writes and that are compared.
        seed: given to Python's hash, ``random``, numpy and the frameworks.
        deterministic: whether determinism settings are injected.
        threads: size of every thread pool (OpenMP, BLAS, torch); thread counts move numbers.
        runs: how many baseline repetitions ``freeze`` records.
        timeout_seconds: limit for one run; None for no limit.
        network: whether the job may use the network in a container.
        gpus: all, none, or how many.
        shm_bytes: size of /dev/shm in a container, in bytes; None for the engine's default.
        memory_bytes: what its processes may use together in a container, in bytes; None for all that there is.
        processes: how many processes and threads it may have at once in a container.
        env: variables to set.
        pass_env: names of variables that are handed through from the caller; their values are recorded nowhere.
    """

    command: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[JobOutput, ...] = ()
    seed: Seed = 0
    deterministic: bool = True
    threads: Annotated[int, msgspec.Meta(ge=1)] = 1
    runs: Annotated[int, msgspec.Meta(ge=1)] = 2
    timeout_seconds: float | None = None
    network: bool = False
    gpus: Gpus = "all"
    shm_bytes: int | None = None
    memory_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    processes: Annotated[int, msgspec.Meta(ge=1)] = PROCESSES
    env: dict[str, str] = {}
    pass_env: tuple[str, ...] = ()

    def without_gpus(self) -> "Job":
        """Return the same job for a machine that has no GPU."""
        return msgspec.structs.replace(self, gpus="none")
