import pytest

from envsnap.compare.tally import Tally

ONE = Tally(
    count=5,
    differing=3,
    beyond=2,
    broken=1,
    max_absolute=0.5,
    max_relative=4.0,
    first_difference=7,
    first_beyond=2,
    first_broken=9,
)
OTHER = Tally(
    count=20,
    differing=30,
    beyond=40,
    broken=50,
    max_absolute=0.25,
    max_relative=8.0,
    first_difference=6,
    first_beyond=3,
    first_broken=8,
)
TOGETHER = Tally(
    count=25,
    differing=33,
    beyond=42,
    broken=51,
    max_absolute=0.5,
    max_relative=8.0,
    first_difference=6,
    first_beyond=2,
    first_broken=8,
)


@pytest.mark.parametrize(("one", "other", "both"), [(ONE, OTHER, TOGETHER), (ONE, Tally(), ONE), (Tally(), ONE, ONE)])
def test_tallies_add_up(one: Tally, other: Tally, both: Tally) -> None:
    """Counts by sum, gaps by the larger, places by the first; what is nowhere in one is as in the other."""
    assert both == one.plus(other)
    assert both == other.plus(one)


def test_a_tally_of_nothing_is_empty() -> None:
    """Nothing is counted, no gap and no place is known."""
    assert (0, 0, 0, 0) == (Tally().count, Tally().differing, Tally().beyond, Tally().broken)
    assert {None} == {Tally().max_absolute, Tally().max_relative, Tally().first_difference, Tally().first_broken}


def test_a_moved_tally_has_the_places_among_the_others() -> None:
    """Counts and gaps stay; a place that is not there stays so."""
    places = (10, 11, 12, 13, 14)
    tally = Tally(count=5, differing=3, max_absolute=0.5, first_difference=0, first_beyond=2)

    moved = Tally(count=5, differing=3, max_absolute=0.5, first_difference=10, first_beyond=12)
    assert moved == tally.moved(places)
    assert Tally(first_broken=14) == Tally(first_broken=4).moved(places)
