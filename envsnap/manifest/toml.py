"""TOML text -> plain tables; text that is not TOML, or that is made to break a reader, is an error like any other."""

import tomllib

from envsnap.errors import InvalidFileError

Plain = dict[str, object]
DEEPEST = 32
"""Levels of tables and arrays: a manifest has eight, and the stages that walk a document recurse."""


def parse_toml(text: str, *, source: str) -> Plain:
    """Read TOML.

    Raises:
        InvalidFileError: not TOML, or nested deeper than anything that envsnap reads.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # an integer of thousands of digits raises it too, not TOMLDecodeError alone
        raise InvalidFileError(f"{source}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise _too_deep(source) from error
    if _is_deeper(document, DEEPEST):
        raise _too_deep(source)
    return document


def _is_deeper(document: Plain, levels: int) -> bool:
    layer: list[object] = [document]
    for _ in range(levels):
        layer = [child for item in layer for child in _children(item)]
        if not layer:
            return False
    return True


def _children(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _too_deep(source: str) -> InvalidFileError:
    return InvalidFileError(f"{source}: nested more than {DEEPEST} levels deep: this is no file for envsnap")
