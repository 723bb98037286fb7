from typing import Annotated, Literal

import msgspec
import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.model import Model, convert, convert_known, unknown_keys
from envsnap.manifest.tolerance import Bounds, Tolerance

Digests = Annotated[dict[Annotated[str, msgspec.Meta(pattern=r"^sha\Z")], int], msgspec.Meta(min_length=1)]


class Leaf(Model, frozen=True):
    atol: float = 0.0
    equal_nan: bool = False


class Tree(Model, frozen=True):
    leaf: Leaf = Leaf()
    either: Leaf | Literal["auto"] = "auto"
    row: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = msgspec.field(default_factory=dict)
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    lists: dict[str, tuple[Leaf, ...]] = msgspec.field(default_factory=dict)
    digests: Digests = msgspec.field(default_factory=lambda: {"sha": 1})


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"leef": {}}, ""),
        ({"leaf": {"atoll": 1}}, "leaf"),
        ({"either": {"atoll": 1}}, "either"),
        ({"row": [{}, {"atoll": 1}]}, "row[1]"),
        ({"named": {"loss": {"atoll": 1}}}, "named.loss"),
        ({"lists": {"a": [{"atoll": 1}]}}, "lists.a[0]"),
    ],
)
def test_unknown_key_is_named_with_its_table_and_its_file(data: object, where: str) -> None:
    """At any depth: in tables, in unions, in arrays of tables, in tables of the user's own keys."""
    with pytest.raises(InvalidFileError) as caught:
        convert(data, Tree, source="envsnap.toml")

    key, near = ("leef", "leaf") if not where else ("atoll", "atol")
    place = f" in [{where}]" if where else ""
    assert f"envsnap.toml: unknown key '{key}'{place}; did you mean '{near}'?" == str(caught.value)


def test_key_like_no_other_is_answered_with_the_known_ones() -> None:
    """Where nothing is near, all that would be accepted is listed, as it is written in the file."""
    with pytest.raises(InvalidFileError, match=r"unknown key 'zzz' in \[leaf\]; known keys here: atol, equal-nan$"):
        convert({"leaf": {"zzz": 1}}, Tree, source="f")


def test_python_spelling_of_a_key_is_unknown() -> None:
    """Keys are written in kebab-case only: one spelling for one thing."""
    with pytest.raises(InvalidFileError, match="did you mean 'equal-nan'"):
        convert({"leaf": {"equal_nan": True}}, Tree, source="f")


def test_users_own_keys_are_never_unknown() -> None:
    """A table that holds any key is not searched for misspelt ones."""
    assert [] == list(unknown_keys({"texts": {"ATOLL": "1"}, "named": {"atoll": {}}}, Tree))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"leaf": {"atol": "x"}}, "f: Expected `float`, got `str` at `leaf.atol`"),
        ({"row": [{"atol": "x"}]}, "f: Expected `float`, got `str` at `row[0].atol`"),
        ({"texts": {"A": "1", "OMP_NUM_THREADS": 4}}, "f: Expected `str`, got `int` at `texts.OMP_NUM_THREADS`"),
        ({"named": {"loss": {"atol": "x"}}}, "f: Expected `float`, got `str` at `named.loss.atol`"),
        ({"lists": {"a": [{}, {"atol": "x"}]}}, "f: Expected `float`, got `str` at `lists.a[1].atol`"),
        ({"digests": {"md5": 1}}, "f: Expected `str` matching regex '^sha\\\\Z' - at `key` in `digests`"),
        ({"digests": {}}, "f: Expected `object` of length >= 1 at `digests`"),
        ([], "f: Expected `object`, got `array`"),
    ],
)
def test_wrong_value_is_named_with_its_path(data: object, message: str) -> None:
    """The path tells even a key of the user's own, which msgspec leaves out."""
    with pytest.raises(InvalidFileError) as caught:
        convert(data, Tree, source="f")

    assert message == str(caught.value)


def test_newer_schema_is_read_without_its_new_keys() -> None:
    """What this version does not know is left out, what it knows is still checked."""
    assert Tree(leaf=Leaf(atol=1.0)) == convert_known({"leaf": {"atol": 1, "new": 2}, "newer": 3}, Tree, source="f")


def test_key_of_no_member_of_a_union_is_left_to_the_type_check() -> None:
    """An array where a table or a word is wanted is a wrong type, not an unknown key."""
    with pytest.raises(InvalidFileError, match=r"at `either`"):
        convert({"either": [{"atoll": 1}]}, Tree, source="f")


@pytest.mark.parametrize("value", ["auto", "exact", "ignore"])
def test_tolerance_is_a_word(value: str) -> None:
    assert value == convert(value, Tolerance, source="f")  # type: ignore[arg-type] # a union is no type to mypy


def test_tolerance_is_bounds() -> None:
    assert Bounds(rtol=0.5, equal_nan=True) == convert({"rtol": 0.5, "equal-nan": True}, Bounds, source="f")


def test_a_model_does_not_change() -> None:
    """A change is a new value: stages may share one without fear."""
    with pytest.raises(AttributeError):
        Leaf().atol = 1.0  # type: ignore[misc] # the point of the test
