"""Counts of what differs, which add up: over the values of a series, or over the blocks of a tensor."""

from dataclasses import dataclass


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

    def plus(self, later: "Tally") -> "Tally":
        """Add the tally of values that come after these."""
        return Tally(
            count=self.count + later.count,
            differing=self.differing + later.differing,
            beyond=self.beyond + later.beyond,
            broken=self.broken + later.broken,
            max_absolute=_larger(self.max_absolute, later.max_absolute),
            max_relative=_larger(self.max_relative, later.max_relative),
            first_difference=_first(self.first_difference, later.first_difference),
            first_beyond=_first(self.first_beyond, later.first_beyond),
            first_broken=_first(self.first_broken, later.first_broken),
        )


def _larger(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one
