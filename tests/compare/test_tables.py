import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from envsnap.compare.reading import Scalar, Series
from envsnap.compare.tables import Dialect, find_dialect, parse_cell, read_csv
from envsnap.compare.text import CHUNK
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout

from .conftest import labels_of, values_of

Write = Callable[[str, str], Path]


def test_csv_cells_are_numbers_where_written_as_numbers(write: Write) -> None:
    """A column is a series; an empty cell is a missing value; the step column labels the rows."""
    reading = read_csv(write("a.csv", "\ufeffepoch,step,loss,name\r\n1,10,0.5,x\r\n1,20,,y\r\n"))

    assert {"epoch": (1, 1), "step": (10, 20), "loss": (0.5, None), "name": ("x", "y")} == values_of(reading)
    assert ("step 10", "step 20") == labels_of(reading, "loss")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1),
        ("-1.5e3", -1500.0),
        ("", None),
        ("1_0", "1_0"),
        ("0x10", "0x10"),
        ("inf", "inf"),
        ("007", "007"),
        ("0.5", 0.5),
        ("1e400", Decimal("1e400")),
        (".5", 0.5),
    ],
)
def test_cell_is_read_by_how_it_is_written(cell: str, value: Scalar) -> None:
    """Python's own number syntax, underscores for one, is text in a CSV file."""
    assert value == parse_cell(cell)
    assert type(value) is type(parse_cell(cell))


def test_enormous_integer_cell_stays_text() -> None:
    """Python refuses to convert integers of thousands of digits."""
    limit = sys.int_info.default_max_str_digits

    assert 10**limit - 1 == parse_cell("9" * limit)
    assert "9" * (limit + 1) == parse_cell("9" * (limit + 1))


@pytest.mark.parametrize(
    ("text", "layout", "values"),
    [
        ("a;b\n1;2\n", Layout(), {"a": (1,), "b": (2,)}),
        ("a\tb\n1\t2\n", Layout(), {"a": (1,), "b": (2,)}),
        ("a\n1\n2\n", Layout(), {"a": (1, 2)}),
        ("0.5,1\n0.25,2\n", Layout(), {"column 1": (0.5, 0.25), "column 2": (1, 2)}),
        ("0.5,1\n0.25,2\n", Layout(header=True), {"0.5": (0.25,), "1": (2,)}),
        ("a,b\nc,d\n", Layout(header=False), {"column 1": ("a", "c"), "column 2": ("b", "d")}),
        ("a;b\n0,5;x\n", Layout(delimiter=";", decimal=","), {"a": (0.5,), "b": ("x",)}),
        ("a,b\n1;2,3\n", Layout(), {"a": ("1;2",), "b": (3,)}),
        ("a|b\n1|2\n", Layout(delimiter="|"), {"a": (1,), "b": (2,)}),
    ],
)
def test_how_a_table_is_written_is_told_or_found_out(
    write: Write, text: str, layout: Layout, values: dict[str, tuple[Scalar, ...]]
) -> None:
    """Header, delimiter and decimal point; what is told wins."""
    assert values == values_of(read_csv(write("a.csv", text), layout))


def test_an_index_names_the_rows(write: Write) -> None:
    """Its own column is compared exactly; one that is not there is an error."""
    reading = read_csv(write("a.csv", "class,accuracy\ncat,0.5\ndog,0.25\n"), Layout(index="class"))
    index = reading["class"]

    assert ("class 'cat'", "class 'dog'") == labels_of(reading, "accuracy")
    assert isinstance(index, Series)
    assert index.is_step
    with pytest.raises(OutputError, match="no column 'name', which is to be its index"):
        read_csv(write("a.csv", "class,accuracy\ncat,0.5\n"), Layout(index="name"))


@pytest.mark.parametrize(
    ("text", "layout", "dialect"),
    [
        ("a;x,b\n1;y,2\n", Layout(), Dialect(",", has_header=True)),
        ("aXb\ncXd\n", Layout(), Dialect(",", has_header=True)),
        ("a|b\n1|2\n", Layout(), Dialect("|", has_header=True)),
        ("1,5;2,5\n3,5;4,5\n", Layout(delimiter=";", decimal=","), Dialect(";", has_header=False)),
        ("1,5;2,5\n3,5;4,5\n", Layout(delimiter=";"), Dialect(";", has_header=True)),
        ("1,\n", Layout(), Dialect(",", has_header=True)),
        ("1,a\n", Layout(), Dialect(",", has_header=True)),
        ("1,nan\n2,3\n", Layout(), Dialect(",", has_header=False)),
        ("1.0e+00 nan\n2.5e+00 3.0e+00\n", Layout(), Dialect(" ", has_header=False)),
        ("a 1\nb 2\n", Layout(), Dialect(",", has_header=True)),
        ("1 2\n3 4 5\n", Layout(), Dialect(",", has_header=True)),
        ("  1.000   -2.000\n  10.000  200.000\n", Layout(), Dialect(",", has_header=True)),
        ("10 20\nabc\n", Layout(), Dialect(",", has_header=True)),
        ("1.5\n2.5\n", Layout(), Dialect(",", has_header=False)),
        ("-inf,NaN\n2,3\n", Layout(), Dialect(",", has_header=False)),
        ("\n\n1,2\n", Layout(), Dialect(",", has_header=False)),
        ("\n\n", Layout(), Dialect(",", has_header=True)),
        ("\ufeff", Layout(), Dialect(",", has_header=True)),
    ],
)
def test_a_dialect_is_found(write: Write, text: str, layout: Layout, dialect: Dialect) -> None:
    assert dialect == find_dialect(write("a.csv", text), layout)


@pytest.mark.parametrize("text", ["\n\n", "\ufeff", "\ufeff\n"])
def test_a_table_without_rows_has_no_columns(write: Write, text: str) -> None:
    assert {} == read_csv(write("a.csv", text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,a\n1,2\n", "two columns have the same name in the header"),
        ("a,b\n1,2\n\n3\n", "line 4 has 1 cells, the header 2"),
        ('a,b\n"1\n2",2\n3\n', "line 4 has 1 cells, the header 2"),
        ('a,b\n"1,2\n', "it is not valid CSV: unexpected end of data"),
    ],
)
def test_a_table_that_is_none_says_where(write: Write, text: str, reason: str) -> None:
    with pytest.raises(OutputError) as caught:
        read_csv(write("a.csv", text))

    assert reason == str(caught.value)


def test_rows_are_counted_across_chunks(write: Write) -> None:
    """Integers become floats, then words, in later ones."""
    cells = [*map(str, range(CHUNK)), *(f"{place}.5" for place in range(CHUNK)), "a", "7"]
    reading = read_csv(write("a.csv", "v,w\n" + "".join(f"{cell},0\n" for cell in cells)))

    assert tuple(map(parse_cell, cells)) == values_of(reading)["v"]
    assert (0,) * len(cells) == values_of(reading)["w"]
    assert tuple(f"row {number}" for number in range(1, 2 * CHUNK + 3)) == labels_of(reading, "v")


@pytest.mark.parametrize(
    ("cells", "decimal", "values"),
    [
        (("1,5", "2,25"), ",", (1.5, 2.25)),
        (("1.5", "1"), ".", (1.5, 1)),
        (("1e-5", "2.0"), ".", (1e-5, 2.0)),
        (("1", "002"), ".", (1, "002")),
        (("002", "1"), ".", ("002", 1)),
        (("-0.5", "-00.5"), ".", (-0.5, "-00.5")),
        (("1.5", "inf"), ".", (1.5, float("inf"))),
        (("1.5", "inf", "b"), ".", (1.5, "inf", "b")),
        (("1.5", "1.2.3"), ".", (1.5, "1.2.3")),
        (("1.5", "1e400"), ".", (1.5, Decimal("1e400"))),
        (("0.0", "1.0e-400"), ".", (0.0, Decimal("1e-400"))),
        (("0.0", "0.5"), ".", (0.0, 0.5)),
        (("1", "9" * 20), ".", (1, int("9" * 20))),
        (("1", "-"), ".", (1, "-")),
        (("1", ""), ".", (1, None)),
        ((" 1", "2 "), ".", (1, 2)),
    ],
)
def test_a_column_of_cells_is_read(
    write: Write, cells: tuple[str, ...], decimal: str, values: tuple[Scalar, ...]
) -> None:
    table = "v;w\n" + "".join(f"{cell};x\n" for cell in cells)
    layout = Layout(delimiter=";", decimal="," if decimal == "," else ".")

    assert {"v": values, "w": ("x",) * len(values)} == values_of(read_csv(write("a.csv", table), layout))
