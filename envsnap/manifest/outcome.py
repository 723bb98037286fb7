"""One execution of a Job in an Environment, and what the observer saw from inside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envsnap.manifest.observation import Observation

OutputFormat = Literal["json", "jsonl", "csv", "npy", "npz", "safetensors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOutput:
    """One output file of one run: ``path`` as declared, ``file`` where its bytes lie (None: not written)."""

    path: str
    format: OutputFormat
    file: Path | None
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One run of the job that ended well; one that fails gives none.

    Args:
        outputs: one for each declared output, in the order of the declaration.
        seconds: wall-clock time of the command.
        observation: what was in force inside, or None: no observed Python process ended normally.
        no_overlay: why the run worked in the project itself; "" where it saw an overlay of it.
    """

    outputs: tuple[RecordedOutput, ...]
    seconds: float = 0.0
    observation: Observation | None = None
    no_overlay: str = ""
