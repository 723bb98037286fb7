"""How counts and lists are put into a sentence, wherever one is written. Pure."""

from collections.abc import Sequence


def plural(count: int, noun: str) -> str:
    """Write a count and its noun: ``1 value``, ``2 values``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def join_names(names: Sequence[str], most: int = 3) -> str:
    """Join names; of many, the first ``most`` and the count of the others."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
