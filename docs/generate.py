"""Writes docs/manifest.md from the types that envsnap.lock is read into: one section a table, one row a key."""  # noqa: INP001 - a script

import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from envsnap.manifest.finding import KINDS
from envsnap.manifest.manifest import SCHEMA_VERSION, Contents, Snapshot
from envsnap.manifest.other_keys import FIELD

TARGET = Path(__file__).with_name("manifest.md")
HEAD = f"""# envsnap.lock

<!-- Written by docs/generate.py from the types in envsnap/manifest: `make docs`. -->

The manifest is TOML: sorted, UTF-8, the same facts give the same bytes. This is schema `{SCHEMA_VERSION}`, and
`schema-version` says so at the top of the file. A reader refuses another major number, warns of a newer minor one
and leaves out the keys that it does not know; with its own number an unknown key is an error. Only in a package's
entry, which is PEP 751's, unknown keys are kept and written back as they were. Values that reach a
Dockerfile, a script or a path are held to patterns when the file is read; those stand beside the types in
`envsnap/manifest`.

*absent* in the column of defaults means that a key without a value is not written. A path like `[[packages.wheels]]`
stands for each entry of an array of tables.
"""
WORDS = {str: "string", int: "integer", float: "number", bool: "true or false", msgspec.Struct: "table"}
PLURALS = {str: "strings", int: "integers", float: "numbers", bool: "true or false", msgspec.Struct: "tables"}


@dataclass(slots=True)
class Section:
    """One struct and every place in the file where it stands."""

    kind: type[msgspec.Struct]
    places: list[str]


def render() -> str:
    """Return the text of docs/manifest.md."""
    sections: dict[type[msgspec.Struct], Section] = {}
    for place, kind in _structs("snapshot", Snapshot):
        sections.setdefault(kind, Section(kind, [])).places.append(place)
    for field in fields(Contents):
        for place, kind in _structs(field.encode_name, field.type):
            sections.setdefault(kind, Section(kind, [])).places.append(place)
    parts = [HEAD, _top_level(), *map(_section, sections.values()), _findings()]
    return "\n".join(parts)


def _structs(path: str, kind: Any, brackets: str = "[{}]") -> Iterator[tuple[str, type[msgspec.Struct]]]:  # noqa: ANN401 - any type
    """Give every struct under a type, each with its place as TOML writes it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield brackets.format(path), kind
        for field in fields(kind):
            yield from _structs(f"{path}.{field.encode_name}", field.type)
    elif get_origin(kind) is tuple:
        yield from _structs(path, get_args(kind)[0], "[[{}]]")
    elif get_origin(kind) is dict:
        yield from _structs(f"{path}.NAME", get_args(kind)[1])
    elif get_origin(kind) in {Union, types.UnionType}:
        for member in get_args(kind):
            yield from _structs(path, member, brackets)
    elif get_origin(kind) is Annotated:
        yield from _structs(path, get_args(kind)[0], brackets)


def _top_level() -> str:
    return f"## Top level\n\n{_table(Contents)}"


def _findings() -> str:
    rows = [f"| `{kind}` | {_cell(meaning)} |" for kind, meaning in KINDS.items()]
    return "\n".join(["## Kinds of findings", "", "| kind | means |", "|---|---|", *rows, ""])


def _section(section: Section) -> str:
    title, *others = section.places
    also = f"Also {', '.join(f'`{place}`' for place in others)}.\n\n" if others else ""
    summary = _markdown(_split(section.kind)[0])
    return f"## `{title}`\n\n{summary}\n\n{also}{_table(section.kind)}"


def _table(kind: type[msgspec.Struct]) -> str:
    meanings = _split(kind)[1]
    rows = [
        f"| {_key(field)} | {_value(field)} | {_default(field)} | {_cell(meanings[field.name])} |"
        for field in fields(kind)
    ]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _key(field: FieldInfo) -> str:
    return "*any other*" if field.encode_name == FIELD else f"`{field.encode_name}`"


def _value(field: FieldInfo) -> str:
    return "any value" if field.encode_name == FIELD else _type(field.type)


def _split(kind: type) -> tuple[str, dict[str, str]]:
    """Split a docstring into what stands before ``Args:`` and the meaning of each field."""
    text, _, arguments = (inspect.getdoc(kind) or "").partition("\nArgs:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", arguments, re.MULTILINE)
    return text.strip(), {name: re.sub(r"\s+", " ", meaning) for name, meaning in entries}


def _type(kind: Any, names: dict[type, str] = WORDS) -> str:  # noqa: ANN401 - any type
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin is Annotated:
            return _type(arguments[0], names) + _limits(arguments[1])
        case origin if origin is Literal:
            return ", ".join(f"`{value}`" for value in arguments)
        case origin if origin in {Union, types.UnionType}:
            return " or ".join(_type(member, names) for member in arguments if member is not type(None))
        case origin if origin is tuple:
            return "array of tables" if _is_struct(arguments[0]) else f"list of {_type(arguments[0], PLURALS)}"
        case origin if origin is dict:
            return f"table of {_type(arguments[1], PLURALS)}"
    return names[msgspec.Struct if _is_struct(kind) else kind]


def _limits(meta: msgspec.Meta) -> str:
    low, high = meta.ge, meta.le
    if low is not None and high is not None:
        return f", {low} to {high}"
    return "" if low is None else f", {low} or more"


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | int | float):
        return f"`{value}`" if value != "" else "empty"
    return "as below" if isinstance(value, msgspec.Struct) else "none"


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|")


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("None for", "absent for")


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
