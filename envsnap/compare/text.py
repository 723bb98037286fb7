"""Reads JSON, JSON Lines and CSV outputs into series; anything that is not wholly well-formed is refused."""

import csv
import itertools
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TextIO

from envsnap.compare.reading import MISSING, EmptyContainer, Reading, Scalar, Series
from envsnap.compare.wording import quote, show
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout

STEP_KEYS: Final = ("step", "global_step", "iteration", "epoch")
"""Keys that number a record, the finest first."""

MAX_TEXT_BYTES: Final = 256 * 2**20
"""Parsed text takes about twenty times its size in memory; larger results belong in an array format."""

MAX_DEPTH: Final = 64
_NUMBERS: Final = frozenset({int, float})

PLAIN: Final = Layout()
_SAMPLE_LINES: Final = 20
"""Of a CSV file, to find out how it is written."""

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number with leading zeros is an identifier."""
_NO_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(slots=True)
class _Column:
    """One series as it grows."""

    labels: list[str] = field(default_factory=list)
    values: list[Scalar] = field(default_factory=list)
    is_step: bool = False


class SeriesBuilder:
    """Collects values under their paths, in the order of the file."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, ...], _Column] = {}
        self._names: set[str] = set()

    def add(self, path: tuple[str, ...], label: str, value: Scalar, *, is_step: bool = False) -> None:
        """Append one value.

        Raises:
            OutputError: two different places of the file have this name, so that one would hide the other.
        """
        column = self._columns.get(path) or self.declare(path)
        if isinstance(value, str):
            _check_characters(value)
        column.labels.append(label)
        column.values.append(value)
        column.is_step |= is_step

    def declare(self, path: tuple[str, ...]) -> _Column:
        """Make a series known that may have no values: the header of a table without rows.

        Raises:
            OutputError: as above.
        """
        name = "/".join(path)
        _check_characters(name)
        if name in self._names:
            raise OutputError(f"two different keys are both called {quote(name)}; rename one of them")
        self._names.add(name)
        self._columns[path] = column = _Column()
        return column

    def build(self) -> Reading:
        """Give what was collected."""
        return {
            "/".join(path): Series(
                labels=tuple(column.labels),
                values=tuple(_with_words_read(column.values)),
                path=path,
                is_step=column.is_step,
            )
            for path, column in self._columns.items()
        }


def _with_words_read(values: list[Scalar]) -> list[Scalar]:
    """Read ``"NaN"`` and ``inf`` as the numbers that they are, unless they stand among words: a category may be nan."""
    words = {value for value in values if isinstance(value, str)} - MISSING
    if not words or not all(_NO_FINITE.fullmatch(word.strip()) for word in words):
        return values
    return [float(value) if isinstance(value, str) and value not in MISSING else value for value in values]


def _check_characters(text: str) -> None:
    """Refuse half a surrogate pair, which JSON can write and nothing can print."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise OutputError(f"{quote(text)} holds a code point that is no character") from error


def read_json(path: Path) -> Reading:
    """Read one JSON document: nested objects flatten to ``a/b``, lists become series, lists of objects records."""
    builder = SeriesBuilder()
    with _open(path) as stream:
        _walk(_parse("".join(_lines(stream)), ""), (), "", builder, depth=0)
    return builder.build()


def read_jsonl(path: Path) -> Reading:
    """Read one JSON object a line; a metric's series is made of the lines that have its key."""
    builder = SeriesBuilder()
    with _open(path) as stream:
        filled = ((number, line) for number, line in enumerate(_lines(stream), start=1) if line.strip())
        for count, (number, line) in enumerate(filled, start=1):
            record = _parse(line, f"line {number}: ")
            if not isinstance(record, dict):
                raise OutputError(f"line {number} is not a JSON object")
            _walk_entry(record, (), f"record {count}", builder, above="", depth=0)
    return builder.build()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written: the cells' separator, and whether its first row names the columns."""

    delimiter: str
    has_header: bool


def find_dialect(path: Path, layout: Layout = PLAIN) -> Dialect:
    """Tell how a CSV file is written, by what its user says of it, else by its first rows.

    Raises:
        OutputError: it is not UTF-8 text, or not valid CSV.
    """
    with _open(path) as stream:
        lines = list(itertools.islice(_lines(stream), _SAMPLE_LINES))
    delimiter = layout.delimiter or _find_delimiter(lines)
    first = next(_rows(csv.reader(iter(lines), strict=True, delimiter=delimiter)), [])
    return Dialect(delimiter, layout.header if layout.header is not None else not _is_numbers(first, layout.decimal))


def _find_delimiter(lines: Sequence[str]) -> str:
    if not lines or "," in lines[0]:
        return ","
    try:
        return csv.Sniffer().sniff("".join(lines), delimiters=";\t|").delimiter
    except csv.Error:  # one column has none
        return ","


def _is_numbers(cells: Sequence[str], decimal: str) -> bool:
    values = [parse_cell(cell, decimal) for cell in cells]
    return bool(values) and all(not isinstance(value, str) and value is not None for value in values)


def read_csv(path: Path, layout: Layout = PLAIN) -> Reading:
    """Read a table; an empty cell is a missing value. Without a header the columns are called ``column 1``, ...

    Raises:
        OutputError: it is not valid CSV, or has no column of the index's name.
    """
    dialect, builder = find_dialect(path, layout), SeriesBuilder()
    with _open(path) as stream:
        reader = csv.reader(_lines(stream), strict=True, delimiter=dialect.delimiter)
        rows = _rows(reader)
        first = next(rows, [])
        header = first if dialect.has_header else [f"column {number + 1}" for number in range(len(first))]
        if len(set(header)) != len(header):
            raise OutputError("two columns have the same name in the header")
        if layout.index is not None and layout.index not in header:
            raise OutputError(f"it has no column {quote(layout.index)}, which is to be its index")
        for name in header:
            builder.declare((name,))
        for number, row in enumerate(rows if dialect.has_header else itertools.chain([first], rows), start=1):
            if len(row) != len(header):
                raise OutputError(f"line {reader.line_num} has {len(row)} cells, the header {len(header)}")
            cells = [parse_cell(cell, layout.decimal) for cell in row]
            _add_row(dict(zip(header, cells, strict=True)), f"row {number}", layout.index, builder)
    return builder.build()


def parse_cell(cell: str, decimal: str = ".") -> Scalar:
    """Read a CSV cell: a number where it is written as one, nothing where it is empty, else text.

    ``nan`` is text here: only the whole column shows whether it is a number.
    """
    text = cell.strip()
    if not text:
        return None
    if decimal != ".":
        text = text.replace(decimal, ".")
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= sys.int_info.default_max_str_digits else cell
    try:
        return _float(text) if _NUMBER.fullmatch(text) else cell
    except InvalidOperation:  # an exponent of dozens of digits
        return cell


def _float(text: str) -> float | Decimal:
    """Read a number; one that is too large or too small for a float keeps its digits."""
    value = float(text)
    if value and not math.isinf(value):
        return value
    exact = Decimal(text)
    return value if exact == value else exact


def _add_row(row: dict[str, Scalar], place: str, index: str | None, builder: SeriesBuilder) -> None:
    label = f"{index} {show(row[index])}" if index is not None else _step_label(row) or place
    for name, cell in row.items():
        builder.add((name,), label, cell, is_step=name in STEP_KEYS or name == index)


def _open(path: Path) -> TextIO:
    size = path.stat().st_size
    if size > MAX_TEXT_BYTES:
        raise OutputError(
            f"it is {size >> 20} MiB of text, more than the {MAX_TEXT_BYTES >> 20} MiB that are compared; write arrays"
        )
    return path.open(encoding="utf-8-sig", newline="")


def _lines(stream: TextIO) -> Iterator[str]:
    try:
        yield from stream
    except UnicodeDecodeError as error:
        raise OutputError("it is not UTF-8 text") from error


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise OutputError(f"it is not valid CSV: {error}") from error


def _parse(text: str, place: str) -> object:
    try:
        return (_EXACT if _EXTREME.search(text) else _QUICK).decode(text)
    except RecursionError as error:
        raise OutputError(f"{place}it is nested deeper than {MAX_DEPTH} levels") from error
    except (ValueError, InvalidOperation) as error:
        raise OutputError(f"{place}it is not valid JSON, or cut short: {error}") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise OutputError(f"key {quote(twice)} stands twice in one object")
    return found


_EXACT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_float)
_QUICK: Final = json.JSONDecoder(object_pairs_hook=_unique)
"""Both made once: json.loads would make one for each line. The quick one is right where no number is extreme."""
_EXTREME: Final = re.compile(r"[0-9.][eE][+-]?[0-9]{3}|[0-9]{200}|0\.0{200}")
"""What every number shows in some way that no float holds: https://docs.python.org/3/library/sys.html#sys.float_info"""


def _walk(value: object, path: tuple[str, ...], label: str, builder: SeriesBuilder, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise OutputError(f"it is nested deeper than {MAX_DEPTH} levels")
    match value:
        case dict() if value:
            for key, member in value.items():
                _walk(member, (*path, key), label, builder, depth=depth + 1)
        case list() if value:
            _walk_list(value, path, label, builder, depth=depth + 1)
        case dict():
            builder.add(path, label, EmptyContainer.OBJECT)
        case list():
            builder.add(path, label, EmptyContainer.LIST)
        case bool() | int() | float() | Decimal() | str() | None:
            builder.add(path, label, value)
        case _:
            raise OutputError(f"{type(value).__name__} is no JSON value")


def _walk_list(entries: list[object], path: tuple[str, ...], label: str, builder: SeriesBuilder, *, depth: int) -> None:
    for index, entry in enumerate(entries):
        _walk_entry(entry, path, f"{label}[{index}]", builder, above=label, depth=depth)


def _walk_entry(
    entry: object, path: tuple[str, ...], place: str, builder: SeriesBuilder, *, above: str, depth: int
) -> None:
    """Walk an entry of a list; its step takes the place of its own index, and not of what is ``above`` it."""
    if isinstance(entry, dict) and entry:
        step = _step_label(entry)
        _walk_record(entry, path, f"{above} {step}".strip() if step else place, builder, depth=depth)
    else:
        _walk(entry, path, place, builder, depth=depth)


def _walk_record(
    record: dict[str, object], path: tuple[str, ...], label: str, builder: SeriesBuilder, *, depth: int
) -> None:
    for key, value in record.items():
        if type(value) in _NUMBERS and key not in STEP_KEYS:
            builder.add((*path, key), label, value)  # type: ignore[arg-type] # most values of most files
        elif key in STEP_KEYS and not isinstance(value, (dict, list)):
            _walk_step(value, (*path, key), label, builder)
        else:
            _walk(value, (*path, key), label, builder, depth=depth + 1)


def _walk_step(value: object, path: tuple[str, ...], label: str, builder: SeriesBuilder) -> None:
    if value is None or isinstance(value, (bool, int, float, Decimal, str)):
        builder.add(path, label, value, is_step=True)


def _step_label(record: dict[str, object] | dict[str, Scalar]) -> str:
    for key in STEP_KEYS:
        value = record.get(key)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return f"{key.removeprefix('global_')} {show(value)}"
    return ""
