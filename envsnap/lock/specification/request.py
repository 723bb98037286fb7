"""Which specification to lock; light, because every freeze imports it."""

from dataclasses import dataclass
from pathlib import Path

from envsnap.manifest.specification import SpecificationFormat


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecificationRequest:
    """Which file to read, and what of it.

    Args:
        path: the file.
        format: how to read it; None: its name tells.
        extras: of a project.
        groups: of a project or a pylock.toml; the categories of Pipfile.lock and conda-lock.yml.
    """

    path: Path
    format: SpecificationFormat | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
