"""Durations and sizes as a user writes them: ``"30m"``, ``"1g"``, ``90``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from envsnap.errors import InvalidFileError

NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")


@dataclass(frozen=True, slots=True)
class Measure:
    """What a quantity counts: its units, an example, and the least and the most that make sense."""

    units: Mapping[str, int]
    examples: str
    least: float
    most: float


SECONDS = Measure(
    units={"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}, examples='"90s", "30m" or "2h"', least=1e-3, most=366 * 86400
)
BYTES = Measure(
    units={"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}, examples='"512m" or "1g"', least=1, most=2**50
)


def parse_quantity(value: str | int, measure: Measure, *, where: str) -> float:
    """Return the quantity in seconds or bytes; a number alone is in those already.

    Raises:
        InvalidFileError: not a number and a unit, or not within what makes sense; the message starts with ``where``.
    """
    match = NUMBER.fullmatch(str(value).strip())
    unit = measure.units.get(match.group(2).lower()) if match else None
    if match is None or unit is None:
        raise InvalidFileError(f"{where} = {value!r} is not a quantity like {measure.examples}")
    amount = float(match.group(1)) * unit
    if not measure.least <= amount <= measure.most:
        raise InvalidFileError(
            f"{where} = {value!r} is too small or too large; write a quantity like {measure.examples}"
        )
    return amount
