"""Reads JSON and JSON Lines outputs into series; anything that is not wholly well-formed is refused."""

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import NoneType
from typing import Final, Literal, TextIO, cast

import msgspec

from envsnap.compare.columns import STEP_KEYS, Positions, SeriesBuilder, step_places, step_words
from envsnap.compare.reading import EmptyContainer, Reading, Scalar
from envsnap.compare.wording import quote
from envsnap.errors import OutputError

MAX_TEXT_BYTES: Final = 256 * 2**20
"""Larger results belong in an array format."""

MAX_DEPTH: Final = 64
CHUNK: Final = 4096
"""Records that are read at once: each costs a kilobyte until its values are packed."""

_SCALARS: Final = frozenset({bool, int, float, Decimal, str, NoneType})
_SPACED_KEY = re.compile(r'"[ \t\r\n]+:')
_TINY_EXPONENT = re.compile(r"[eE]-[0-9]{3}")
_ZEROS: Final = "0" * 200
"""What a number that is too small for a float shows, if it has no exponent: the least one is 5e-324."""


def read_json(path: Path) -> Reading:
    """Read one JSON document: nested objects flatten to ``a/b``, lists become series, lists of objects records."""
    builder = SeriesBuilder()
    with open_text(path) as stream:
        text = "".join(decoded_lines(stream))
    (document,) = _decode_quickly([text]) or [_decode(text, "")]
    _Walker(builder).walk(document, (), "", 0)
    return builder.build()


def read_jsonl(path: Path, records: int | None = None) -> Reading:
    """Read one JSON object a line; a metric's series is made of the lines that have its key.

    Args:
        path: of the file.
        records: how many are read, from the first on; None: all.
    """
    builder, count = SeriesBuilder(), 0
    for chunk in _record_chunks(path, records):
        places = Positions("record ", range(count + 1, count + 1 + len(chunk)))
        _Walker(builder).walk_entries(chunk, (), places, "", 0)
        count += len(chunk)
    return builder.build()


def steps_of_records(path: Path) -> Iterator[str]:
    """Give the step that each record of JSON Lines names; "" for one that names none."""
    for chunk in _record_chunks(path):
        for shape, alike in itertools.groupby(chunk, key=_shape):
            group = list(alike)
            columns = _columns(group) if isinstance(shape, tuple) else {}
            yield from step_words(cast("Mapping[str, Sequence[Scalar]]", columns), len(group))


def _record_chunks(path: Path, records: int | None = None) -> Iterator[list[object]]:
    with open_text(path) as stream:
        lines = ((number, line) for number, line in enumerate(decoded_lines(stream), start=1) if line.strip())
        wanted = itertools.islice(lines, records)
        while chunk := list(itertools.islice(wanted, CHUNK)):
            yield _decode_records(chunk)


def open_text(path: Path) -> TextIO:
    """Open a file of text, at its start or after its byte order mark.

    Raises:
        OutputError: it is too large to be one.
    """
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise OutputError(
            f"it is {size >> 20} MiB of text, more than the {MAX_TEXT_BYTES >> 20} MiB that are compared; write arrays"
        )
    return path.open(encoding="utf-8-sig", newline="")


def decoded_lines(stream: TextIO) -> Iterator[str]:
    """Give the lines of a file of text.

    Raises:
        OutputError: it is not UTF-8.
    """
    try:
        yield from stream
    except UnicodeDecodeError as error:
        raise OutputError("it is not UTF-8 text") from error


def exact_float(text: str) -> float | Decimal:
    """Read a number; one that is too large or too small for a float keeps its digits."""
    value = float(text)
    if value and not math.isinf(value):
        return value
    exact = Decimal(text)
    return value if exact == value else exact


def may_be_tiny(text: str) -> bool:
    """Tell whether a number in a text may be too small for a float, which would read it as 0."""
    return _ZEROS in text or _TINY_EXPONENT.search(text) is not None


def _decode_records(lines: Sequence[tuple[int, str]]) -> list[object]:
    records = _decode_quickly([line for _, line in lines]) or [_decode(line, f"line {n}: ") for n, line in lines]
    for (number, _), record in zip(lines, records, strict=True):
        if not isinstance(record, dict):
            raise OutputError(f"line {number} is not a JSON object")
    return records


def _decode_quickly(texts: Sequence[str]) -> list[object]:
    """Decode documents with msgspec, ten times as fast; ``[]`` where they may hold what it does not tell.

    It keeps the last of two equal keys, and reads a number too small for a float as 0. What it refuses, as NaN or a
    number too large, :func:`_decode` may take.
    """
    text = "".join(texts)
    if may_be_tiny(text) or _SPACED_KEY.search(text):
        return []
    try:
        found = list(map(_QUICK.decode, texts))
        are_flat = text.count("{") == len(found) and all(type(value) is dict for value in found)
        keys = sum(map(len if are_flat else _count_keys, found))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return found if text.count('":') == keys else []


def _count_keys(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(member) for member in value.values() if type(member) not in _SCALARS)
    if isinstance(value, list):
        return sum(_count_keys(entry) for entry in value if type(entry) not in _SCALARS)
    return 0


def _decode(text: str, place: str) -> object:
    try:
        return _EXACT.decode(text)
    except RecursionError as error:
        raise OutputError(f"{place}it is nested deeper than {MAX_DEPTH} levels") from error
    except InvalidOperation as error:
        raise OutputError(f"{place}it holds a number with more digits in its exponent than can be compared") from error
    except ValueError as error:
        raise OutputError(f"{place}it is not valid JSON, or cut short: {error}") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise OutputError(f"key {quote(twice)} stands twice in one object")
    return found


_QUICK: Final = msgspec.json.Decoder()
_EXACT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_float=exact_float)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Takes decoded JSON apart, down to its scalars; objects that have the same keys all at once."""

    builder: SeriesBuilder

    def walk(self, value: object, path: tuple[str, ...], label: str, depth: int) -> None:
        _check_depth(depth)
        match value:
            case dict() if value:
                for key, member in value.items():
                    self.walk(member, (*path, key), label, depth + 1)
            case list() if value:
                self.walk_entries(value, path, Positions(f"{label}[", range(len(value)), "]"), label, depth + 1)
            case dict() | list():
                empty = EmptyContainer.OBJECT if isinstance(value, dict) else EmptyContainer.LIST
                self.builder.add(path, Positions("", [label]), [empty])
            case _:
                self.builder.add(path, Positions("", [label]), [cast("Scalar", value)])

    def walk_entries(
        self, entries: Sequence[object], path: tuple[str, ...], places: Positions, above: str, depth: int
    ) -> None:
        """Take apart the entries of a list; the step of one takes the place of its number, not of what is above."""
        _check_depth(depth)
        start = 0
        for shape, alike in itertools.groupby(entries, key=_shape):
            group = list(alike)
            here = Positions(places.before, places.numbers[start : start + len(group)], places.after)
            start += len(group)
            if isinstance(shape, tuple):
                self._add_records(_columns(group), path, here, above, depth)
            elif shape == "scalar":
                self.builder.add(path, here, cast("list[Scalar]", group))
            else:
                for index, entry in enumerate(group):
                    self.walk(entry, path, here.word(index), depth)

    def _add_records(
        self, columns: dict[str, Sequence[object]], path: tuple[str, ...], places: Positions, above: str, depth: int
    ) -> None:
        places = step_places(cast("Mapping[str, Sequence[Scalar]]", columns), places, above)
        for key, column in columns.items():
            self._add_column(column, (*path, key), places, depth + 1, is_step=key in STEP_KEYS)

    def _add_column(
        self, column: Sequence[object], path: tuple[str, ...], places: Positions, depth: int, *, is_step: bool = False
    ) -> None:
        if _SCALARS.issuperset(map(type, column)):
            self.builder.add(path, places, cast("Sequence[Scalar]", column), is_step=is_step)
        elif depth <= MAX_DEPTH and len(shapes := set(map(_shape, column))) == 1 and isinstance(shapes.pop(), tuple):
            for key, members in _columns(column).items():
                self._add_column(members, (*path, key), places, depth + 1)
        else:
            for index, value in enumerate(column):
                if type(value) in _SCALARS:
                    self.builder.add(
                        path, Positions("", [places.word(index)]), [cast("Scalar", value)], is_step=is_step
                    )
                else:
                    self.walk(value, path, places.word(index), depth)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise OutputError(f"it is nested deeper than {MAX_DEPTH} levels")


def _shape(entry: object) -> tuple[str, ...] | Literal["scalar", "other"]:
    """Return the keys of an object; an empty one is alone, as a list is."""
    if isinstance(entry, dict) and entry:
        return tuple(entry)
    return "other" if isinstance(entry, (dict, list)) else "scalar"


def _columns(records: Sequence[object]) -> dict[str, Sequence[object]]:
    """Turn objects of the same keys into the values of each key."""
    rows = cast("Sequence[dict[str, object]]", records)
    return dict(zip(rows[0], zip(*map(dict.values, rows), strict=True), strict=True))
