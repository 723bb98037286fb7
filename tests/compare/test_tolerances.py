import pytest

from envsnap.compare.tolerances import AUTO, bounds_of, choose, choose_for_step, find_unmatched
from envsnap.manifest.tolerance import Bounds, Tolerance

TOLERANCES: dict[str, Tolerance] = {"*": "exact", "val/*": "ignore", "val/acc*": "auto", "val/accuracy": Bounds(atol=1)}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("val/accuracy", "val/accuracy"), ("val/acc5", "val/acc*"), ("val/loss", "val/*"), ("loss", "*")],
)
def test_most_specific_pattern_wins(name: str, pattern: str) -> None:
    """The name itself, then the longest glob, then the star."""
    assert pattern == choose(name, TOLERANCES).pattern


def test_auto_is_the_default() -> None:
    """What no pattern matches is held to the dtype's tolerance."""
    assert "auto" == choose("loss", {}).tolerance


def test_steps_follow_only_their_own_name() -> None:
    """A glob does not loosen the step column."""
    assert "exact" == choose_for_step("step", {"*": "ignore"}).tolerance
    assert "ignore" == choose_for_step("epoch", {"epoch": "ignore"}).tolerance


def test_auto_follows_the_dtype() -> None:
    """Integers, booleans and text are exact; floats follow the table."""
    assert Bounds() == bounds_of("auto", "int64")
    assert AUTO["bfloat16"] == bounds_of("auto", "bfloat16")
    assert Bounds() == bounds_of("exact", "float32")
    assert Bounds(atol=3) == bounds_of(Bounds(atol=3), "int64")


def test_unmatched_patterns_are_listed() -> None:
    """The star is a default and never listed."""
    assert ("val/*",) == find_unmatched({"*": "auto", "val/*": "auto", "loss": "auto"}, ["loss"])
