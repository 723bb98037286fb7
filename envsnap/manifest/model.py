"""The base of every type that the stages exchange, and the rule by which untrusted data becomes one."""

import difflib
import types
import typing
from collections.abc import Iterator
from typing import TypeVar, get_args, get_origin

import msgspec

from envsnap.errors import InvalidFileError

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """An immutable value; its fields are written in kebab-case."""


def convert(data: object, kind: type[T], *, source: str) -> T:
    """Turn plain data, as a TOML or JSON parser gives it, into ``kind``.

    Raises:
        InvalidFileError: a key is unknown (the nearest known one is named), or a value has the wrong type;
            the message starts with ``source`` and names the path.
    """
    for where, key, known in unknown_keys(data, kind):
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys here: {', '.join(sorted(known))}"
        place = f" in [{where}]" if where else ""
        raise InvalidFileError(f"{source}: unknown key '{key}'{place}; {hint}")
    return convert_known(data, kind, source=source)


def convert_known(data: object, kind: type[T], *, source: str) -> T:
    """Like :func:`convert`, for data of a newer schema: keys that this version does not know are left out."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidFileError(f"{source}: {str(error).replace(' - at `$.', ' at `')}") from error


def unknown_keys(data: object, kind: object, where: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(path of the table, unknown key, keys known there)`` for every key that ``kind`` does not have."""
    origin = get_origin(kind)
    if isinstance(data, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _unknown_in_struct(data, kind, where)
    elif origin in (typing.Union, types.UnionType):
        for member in get_args(kind):
            if _accepts(member, data):
                yield from unknown_keys(data, member, where)
                return
    elif isinstance(data, dict) and origin is dict:
        for key, value in data.items():
            yield from unknown_keys(value, get_args(kind)[1], f"{where}.{key}" if where else key)
    elif isinstance(data, list) and origin is tuple:
        for index, value in enumerate(data):
            yield from unknown_keys(value, get_args(kind)[0], f"{where}[{index}]")


def _unknown_in_struct(
    data: dict[str, object], kind: type[msgspec.Struct], where: str
) -> Iterator[tuple[str, str, list[str]]]:
    hints = typing.get_type_hints(kind)
    fields = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    for key, value in data.items():
        if key not in fields:
            yield where, key, list(fields)
        else:
            yield from unknown_keys(value, hints[fields[key]], f"{where}.{key}" if where else key)


def _accepts(kind: object, data: object) -> bool:
    if isinstance(data, dict):
        return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, msgspec.Struct))
    return isinstance(data, list) and get_origin(kind) is tuple
