"""Counts of what differs, which add up: over the values of a series, or over the blocks of a tensor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What comparing some values gave.

    Args:
        count: values compared; ``differing``: not bit-identical; ``beyond``: outside the tolerance.
        broken: of those beyond, the ones that no distance describes: NaN, infinity on one side, text, another type.
        max_absolute: largest finite or infinite ``|rerun - baseline|``, None where there is none.
        max_relative: largest ``|rerun - baseline| / |baseline|`` where the baseline is not zero.
        first_difference: index of the first differing value; ``first_beyond`` and ``first_broken`` likewise.
    """

    count: int = 0
    differing: int = 0
    beyond: int = 0
    broken: int = 0
    max_absolute: float | None = None
    max_relative: float | None = None
    first_difference: int | None = None
    first_beyond: int | None = None
    first_broken: int | None = None

    def plus(self, other: "Tally") -> "Tally":
        """Add the tally of other values."""
        return Tally(
            count=self.count + other.count,
            differing=self.differing + other.differing,
            beyond=self.beyond + other.beyond,
            broken=self.broken + other.broken,
            max_absolute=_larger(self.max_absolute, other.max_absolute),
            max_relative=_larger(self.max_relative, other.max_relative),
            first_difference=_first(self.first_difference, other.first_difference),
            first_beyond=_first(self.first_beyond, other.first_beyond),
            first_broken=_first(self.first_broken, other.first_broken),
        )

    def moved(self, places: Sequence[int]) -> "Tally":
        """Return the tally with the places that its values have among others: ``places[i]`` is that of value ``i``."""
        firsts = (self.first_difference, self.first_beyond, self.first_broken)
        difference, beyond, broken = (None if first is None else places[first] for first in firsts)
        return replace(self, first_difference=difference, first_beyond=beyond, first_broken=broken)


def _larger(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
