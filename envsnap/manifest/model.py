"""The base of every type that a manifest or an answer holds, and the rule by which untrusted data becomes one."""

import copy
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from envsnap.errors import InvalidFileError

T = TypeVar("T")
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """An immutable value; its fields are written in kebab-case."""


class OpenModel(Model, frozen=True, kw_only=True):
    """A value with keys that envsnap does not know, kept as they were found.

    In a file they stand beside the known ones; :mod:`envsnap.manifest.other_keys` moves them there and back.

    Args:
        other_keys: plain TOML values by key: untrusted, never interpreted.
    """

    other_keys: dict[str, object] | None = None


def convert(data: object, kind: type[T], *, source: str) -> T:
    """Turn plain data, as a TOML or JSON parser gives it, into ``kind``.

    Raises:
        InvalidFileError: a key is unknown (the nearest known one is named), or a value has the wrong type;
            the message starts with ``source`` and names the path.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        _refuse_unknown_keys(data, kind, source)
        raise InvalidFileError(f"{source}: {_explain(error, data, kind)}") from error


def convert_known(data: object, kind: type[T], *, source: str) -> T:
    """Like :func:`convert`, for data of a newer schema: keys that this version does not know are left out."""
    known = copy.deepcopy(data)
    for _, table, stands_for in tuple(_tables(known, kind, "")):
        for key in _unknown(table, stands_for):
            del table[key]
    return convert(known, kind, source=source)


def _refuse_unknown_keys(data: object, kind: object, source: str) -> None:
    import difflib

    for where, key, known in unknown_keys(data, kind):
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys here: {', '.join(sorted(known))}"
        place = f" in [{where}]" if where else ""
        raise InvalidFileError(f"{source}: unknown key '{key}'{place}; {hint}")


def unknown_keys(data: object, kind: object) -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(path of the table, unknown key, keys known there)`` for every key that ``kind`` does not have."""
    for where, table, stands_for in _tables(data, kind, ""):
        for key in _unknown(table, stands_for):
            yield where, key, list(_fields(stands_for))


def _unknown(table: Mapping[str, object], stands_for: object) -> list[str]:
    if isinstance(stands_for, type) and issubclass(stands_for, msgspec.Struct):
        return [key for key in table if key not in stands_for.__struct_encode_fields__]
    return []


def _explain(error: msgspec.ValidationError, data: object, kind: object) -> str:
    message = str(error)
    if "[...]" in message:
        # That is how msgspec writes a key of the user's own, as in job.env: find the entry that it refuses.
        for where, value, wanted in _entries(data, kind):
            try:
                msgspec.convert(value, wanted)
            except msgspec.ValidationError as inner:
                text, _, path = str(inner).partition(" - at `$")
                return f"{text} at `{where}{path.removesuffix('`')}`"
    return message.replace(" - at `$.", " at `").replace("in `$.", "in `")


def _entries(data: object, kind: object) -> Iterator[tuple[str, object, Any]]:
    for where, table, stands_for in _tables(data, kind, ""):
        if get_origin(stands_for) is dict:
            yield from ((_join(where, key), value, get_args(stands_for)[1]) for key, value in table.items())


def _tables(data: object, kind: object, where: str) -> Iterator[tuple[str, dict[str, object], object]]:
    """Yield every table in ``data``: its path, itself, and the struct or ``dict`` type that it stands for."""
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        member = next((member for member in get_args(kind) if _accepts(_bare(member), data)), None)
        yield from _tables(data, member, where)
    elif isinstance(data, dict) and _accepts(kind, data):
        yield where, data, kind
        for key, value in data.items():
            yield from _tables(value, _type_of_value(kind, key), _join(where, key))
    elif isinstance(data, list) and origin is tuple:
        for index, value in enumerate(data):
            yield from _tables(value, get_args(kind)[0], f"{where}[{index}]")


def _type_of_value(kind: object, key: str) -> object:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _fields(kind).get(key)
    return get_args(kind)[1]


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, object]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {key: hints[name] for key, name in zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)}


def _bare(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _accepts(kind: object, data: object) -> bool:
    if isinstance(data, dict):
        return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, msgspec.Struct))
    return isinstance(data, list) and get_origin(kind) is tuple


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
