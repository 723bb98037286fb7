import pytest

from envsnap.compare.tolerances import AUTO, ToleranceChoice, bounds_of, choose, choose_for_step, find_unmatched
from envsnap.manifest.tolerance import Bounds, Tolerance

TOLERANCES: dict[str, Tolerance] = {"*": "exact", "val/*": "ignore", "val/acc*": "auto", "val/accuracy": Bounds(atol=1)}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("val/accuracy", "val/accuracy"), ("val/acc5", "val/acc*"), ("val/loss", "val/*"), ("loss", "*")],
)
def test_most_specific_pattern_wins(name: str, pattern: str) -> None:
    """The name itself, then the longest glob, then the star."""
    assert pattern == choose(name, TOLERANCES).pattern


def test_a_longer_glob_wins_wherever_it_stands_in_the_alphabet() -> None:
    """It says more of the name."""
    assert "v?l/loss" == choose("val/loss", {"val*": "ignore", "v?l/loss": "exact", "*": "auto"}).pattern


def test_equally_long_globs_are_chosen_alike_in_any_order() -> None:
    """The order in which a manifest lists its tolerances decides nothing."""
    one: dict[str, Tolerance] = {"a?": "exact", "?b": "ignore", "*": "auto"}
    other = dict(reversed(one.items()))

    assert "a?" == choose("ab", one).pattern == choose("ab", other).pattern


def test_a_choice_is_the_pattern_and_its_tolerance() -> None:
    """No pattern, where none chose; a name that looks like a glob is first of all a name."""
    assert ToleranceChoice(pattern="val/acc*", tolerance="auto") == choose("val/acc5", TOLERANCES)
    assert ToleranceChoice(pattern="val/accuracy", tolerance=Bounds(atol=1)) == choose("val/accuracy", TOLERANCES)
    assert ToleranceChoice(pattern="", tolerance="auto") == choose("loss", {"val/*": "exact"})
    assert ToleranceChoice(pattern="w[0]", tolerance="exact") == choose("w[0]", {"w[0]": "exact", "*": "ignore"})
    assert ToleranceChoice(pattern="", tolerance="auto") == choose("Loss", {"loss": "exact", "l*": "exact"})


def test_auto_is_the_default() -> None:
    """What no pattern matches is held to the dtype's tolerance."""
    assert "auto" == choose("loss", {}).tolerance


def test_steps_follow_only_their_own_name() -> None:
    """A glob does not loosen the step column."""
    exact = ToleranceChoice(pattern="", tolerance="exact")
    ignored = ToleranceChoice(pattern="epoch", tolerance="ignore")

    assert exact == choose_for_step("step", {"*": "ignore"})
    assert ignored == choose_for_step("epoch", {"epoch": "ignore"})


def test_auto_follows_the_dtype() -> None:
    """Integers, booleans and text are exact; floats follow the table."""
    assert Bounds() == bounds_of("auto", "int64")
    assert AUTO["bfloat16"] == bounds_of("auto", "bfloat16")
    assert Bounds() == bounds_of("exact", "float32")
    assert Bounds(atol=3) == bounds_of(Bounds(atol=3), "int64")


def test_unmatched_patterns_are_listed() -> None:
    """The star is a default and never listed."""
    assert ("val/*",) == find_unmatched({"*": "auto", "val/*": "auto", "loss": "auto"}, ["loss"])
    assert () == find_unmatched({"*": "auto"}, [])
    assert ("a", "b") == find_unmatched({"b": "auto", "c": "auto", "a": "auto"}, iter(["c"]))


def test_a_name_in_brackets_matches_itself() -> None:
    """As a glob it would match ``w0``, which is matched too."""
    assert () == find_unmatched({"w[0]": "exact", "*": "auto"}, ["w[0]"])
    assert () == find_unmatched({"w[0]": "exact"}, ["w0", "v"])
    assert ("w[0]",) == find_unmatched({"w[0]": "exact"}, ["w1"])
