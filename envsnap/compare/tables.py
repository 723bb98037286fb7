"""Reads CSV outputs into series, one for each column."""

import csv
import itertools
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import InvalidOperation
from pathlib import Path
from typing import Final, TextIO

import numpy as np

from envsnap.compare.columns import NO_FINITE, STEP_KEYS, Positions, SeriesBuilder, step_places, step_words
from envsnap.compare.reading import Reading, Scalar
from envsnap.compare.text import CHUNK, decoded_lines, exact_float, may_be_tiny, open_text
from envsnap.compare.wording import quote, show
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout

PLAIN: Final = Layout()
_SAMPLE_LINES: Final = 20
"""Of a CSV file, to find out how it is written."""

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number with leading zeros is an identifier."""
_NO_NUMBER = re.compile(r"[^0-9.eE+\n-]")
_LEADING_ZERO = re.compile(r"\n[+-]?0[0-9]")
"""Of a cell that follows a line feed."""


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
    with open_text(path) as stream:
        lines = list(itertools.islice(decoded_lines(stream), _SAMPLE_LINES))
    delimiter = layout.delimiter or _find_delimiter(lines)
    first = next(_rows(lines, delimiter))
    return Dialect(delimiter, layout.header if layout.header is not None else not _is_numbers(first, layout.decimal))


def _find_delimiter(lines: Sequence[str]) -> str:
    if not lines or "," in lines[0]:
        return ","
    try:
        return csv.Sniffer().sniff("".join(lines), delimiters=";\t|").delimiter
    except csv.Error:  # one column has none, unless it is as numpy.savetxt writes
        return " " if all(map(_are_numbers, lines)) and len({line.count(" ") for line in lines}) == 1 else ","


def _are_numbers(line: str) -> bool:
    """Tell whether a line is two numbers or more with a blank between each."""
    words = line.strip("\r\n").split(" ")
    return len(words) > 1 and _is_numbers(words, ".")


def _is_numbers(cells: Sequence[str], decimal: str) -> bool:
    values = [parse_cell(cell, decimal) for cell in cells if not NO_FINITE.fullmatch(cell.strip())]
    return bool(cells) and all(not isinstance(value, str) and value is not None for value in values)


def read_csv(path: Path, layout: Layout = PLAIN, records: int | None = None) -> Reading:
    """Read a table; an empty cell is a missing value. Without a header the columns are called ``column 1``, ...

    Args:
        path: of the file.
        layout: what the user says of it.
        records: how many rows are read, from the first on; None: all.

    Raises:
        OutputError: it is not valid CSV, or has no column of the index's name.
    """
    builder = SeriesBuilder()
    with open_text(path) as stream:
        header, rows = _open_table(stream, find_dialect(path, layout), layout)
        rows = itertools.islice(rows, records)
        for name in header:
            builder.declare((name,))
        count = 0
        while chunk := list(itertools.islice(rows, CHUNK)):
            _add_rows(header, chunk, Positions("row ", range(count + 1, count + 1 + len(chunk))), layout, builder)
            count += len(chunk)
    return builder.build()


def steps_of_rows(path: Path, layout: Layout = PLAIN) -> Iterator[str]:
    """Give the step that each row names; "" for one that names none, and where another column is the index."""
    with open_text(path) as stream:
        header, rows = _open_table(stream, find_dialect(path, layout), layout)
        steps: list[str] = [name for name in STEP_KEYS if name in header and layout.index in {None, name}]
        while chunk := list(itertools.islice(rows, CHUNK)):
            cells = {name: [row[header.index(name)] for row in chunk] for name in steps}
            columns = {name: _parse_column(column, layout.decimal) for name, column in cells.items()}
            yield from step_words(columns, len(chunk))


def _open_table(stream: TextIO, dialect: Dialect, layout: Layout) -> tuple[list[str], Iterator[list[str]]]:
    rows = _rows(decoded_lines(stream), dialect.delimiter)
    first = next(rows)
    header = first if dialect.has_header else [f"column {number + 1}" for number in range(len(first))]
    if len(set(header)) != len(header):
        raise OutputError("two columns have the same name in the header")
    if layout.index is not None and layout.index not in header:
        raise OutputError(f"it has no column {quote(layout.index)}, which is to be its index")
    return header, rows if dialect.has_header else itertools.chain([first], rows)


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Give the rows of a table, all of the length of the first, which is ``[]`` if there is none; no blank lines."""
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        first = next(filter(None, reader), [])
        yield first
        for row in reader:
            if len(row) == len(first):
                yield row
            elif row:
                raise OutputError(f"line {reader.line_num} has {len(row)} cells, the header {len(first)}")
    except csv.Error as error:
        raise OutputError(f"it is not valid CSV: {error}") from error


def _add_rows(
    header: Sequence[str], rows: Sequence[Sequence[str]], places: Positions, layout: Layout, builder: SeriesBuilder
) -> None:
    cells = zip(*rows, strict=True)
    columns = {name: _parse_column(column, layout.decimal) for name, column in zip(header, cells, strict=True)}
    if layout.index is None:
        places = step_places(columns, places)
    else:
        places = Positions(f"{layout.index} ", [show(value) for value in columns[layout.index]])
    for name, column in columns.items():
        builder.add((name,), places, column, is_step=name in STEP_KEYS or name == layout.index)


def _parse_column(cells: Sequence[str], decimal: str) -> Sequence[Scalar]:
    """Read cells as :func:`parse_cell` does, all at once where they are plain numbers of one kind."""
    text = "\n" + "\n".join(cells)
    if decimal != "." or _NO_NUMBER.search(text) or _LEADING_ZERO.search(text):
        return [parse_cell(cell, decimal) for cell in cells]
    try:
        if text.count(".") == len(cells) or all("." in cell or "e" in cell for cell in cells):
            floats = array("d", map(float, cells))
            if np.isfinite(floats).all() and (np.all(floats) or not may_be_tiny(text)):
                return floats
        elif not any(mark in text for mark in ".eE"):
            return array("q", map(int, cells))
    except (ValueError, OverflowError):  # a cell is empty, or a hyphen, or holds two numbers or one of many digits
        pass
    return [parse_cell(cell) for cell in cells]


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
        return exact_float(text) if _NUMBER.fullmatch(text) else cell
    except InvalidOperation:  # an exponent of dozens of digits
        return cell
