"""One execution of a Job in an Environment, and what the observer saw from inside it."""

from pathlib import Path
from typing import Literal

from envsnap.manifest.model import Model
from envsnap.manifest.observation import Observation

OutputFormat = Literal["json", "jsonl", "csv", "npy", "npz", "safetensors"]


class RecordedOutput(Model, frozen=True):
    """One output file of one run: ``path`` as declared, ``file`` where its bytes lie (None: not written)."""

    path: str
    format: OutputFormat
    file: Path | None
    sha256: str = ""
    size: int = 0


class Outcome(Model, frozen=True):
    """One run of the job that came to its end.

    Args:
        outputs: one for each declared output, in the order of the declaration.
        exit_code: of the command; a run that fails raises instead of giving an Outcome.
        seconds: wall-clock time of the command.
        timed_out: whether the command was ended for taking too long.
        stderr_tail: the last lines of standard error, values of passed-through variables removed.
        observation: what was in force inside, or None: no observed Python process ended normally.
    """

    outputs: tuple[RecordedOutput, ...]
    exit_code: int = 0
    seconds: float = 0.0
    timed_out: bool = False
    stderr_tail: tuple[str, ...] = ()
    observation: Observation | None = None
