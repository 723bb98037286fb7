import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.toml import DEEPEST, parse_toml


@pytest.mark.parametrize(
    "text",
    ["a =", "a = 1\na = 2", "[job", "a = 1979-13-40", "a = '\x01'", "a = " + "9" * 5000, "a = 0x", "\ufeffa = 1"],
)
def test_text_that_is_no_toml_is_an_error_with_its_file(text: str) -> None:
    with pytest.raises(InvalidFileError, match=r"^some\.toml: not valid TOML: "):
        parse_toml(text, source="some.toml")


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, ".".join("a" * 3000) + " = 1", "a = " + "[" * 100 + "]" * 100])
def test_bottomless_nesting_is_an_error_like_any_other(text: str) -> None:
    """Neither the parser's recursion nor that of later stages can be exhausted by a file."""
    with pytest.raises(InvalidFileError, match=f"more than {DEEPEST} levels deep"):
        parse_toml(text, source="f")


def test_tables_come_as_written() -> None:
    assert {"a": {"b": [1, {"c": "x"}]}} == parse_toml("[a]\nb = [1, {c = 'x'}]", source="f")
