import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.compare.reading import Reading, Scalar, Series
from envsnap.compare.series import dtype_of
from envsnap.compare.tables import parse_cell, read_csv
from envsnap.compare.text import read_json, read_jsonl
from envsnap.errors import OutputError
from envsnap.manifest.layout import Layout

Write = Callable[[str, str], Path]


def values_of(reading: Reading) -> dict[str, tuple[Scalar, ...]]:
    return {name: tuple(item.values) for name, item in reading.items() if isinstance(item, Series)}


def labels_of(reading: Reading, name: str) -> tuple[str, ...]:
    item = reading[name]
    assert isinstance(item, Series)
    return tuple(item.labels)


def test_nested_json_flattens(write: Write) -> None:
    """Objects join their keys, lists are series with positions as labels."""
    reading = read_json(write("a.json", '{"val": {"acc": 0.5}, "loss": [1, [2, 3]], "ok": true, "n": null}'))

    assert {"val/acc": (0.5,), "loss": (1, 2, 3), "ok": (True,), "n": (None,)} == values_of(reading)
    assert ("[0]", "[1][0]", "[1][1]") == labels_of(reading, "loss")


def test_list_of_objects_reads_as_records(write: Write) -> None:
    """Each object is a record whose step labels its values."""
    reading = read_json(write("a.json", '{"log": [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]}'))

    assert {"log/epoch": (1, 2), "log/loss": (0.5, 0.25)} == values_of(reading)
    assert ("epoch 1", "epoch 2") == labels_of(reading, "log/loss")


def test_lines_without_a_key_are_not_in_its_series(write: Write) -> None:
    """A metric's series is made of the lines that have it; without a step its label is its number."""
    reading = read_jsonl(write("a.jsonl", '{"a": 1}\n\n{"b": 2}\n{"a": 3, "global_step": 7}\n'))

    assert (1, 3) == values_of(reading)["a"]
    assert ("record 1", "step 7") == labels_of(reading, "a")


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
    assert "9" * 5000 == parse_cell("9" * 5000)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((0.5, 0.25), "float32"),
        ((0.10000000149011612,), "float32"),
        ((0.1,), "float64"),
        ((0.1, 1), "float64"),
        ((1, 2), "int"),
        ((True,), "bool"),
        (("a", None), "text"),
        (("a", 1), "mixed"),
        ((None,), "null"),
    ],
)
def test_dtype_follows_the_values(values: tuple[Scalar, ...], dtype: str) -> None:
    """Floats that float32 holds exactly are float32; nulls say nothing."""
    assert dtype == dtype_of([Series(labels=("",) * len(values), values=values)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON)
def test_key_order_does_not_change_the_reading(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """Any JSON document reads the same with its keys in another order."""
    folder = tmp_path_factory.getbasetemp()
    one, other = folder / "one.json", folder / "other.json"
    one.write_text(json.dumps(value))
    other.write_text(json.dumps(_reversed_keys(value)))

    assert _sorted(read_json(one)) == _sorted(read_json(other))


def _reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed_keys(value[key]) for key in reversed(value)}
    return [_reversed_keys(entry) for entry in value] if isinstance(value, list) else value


def _sorted(reading: Reading) -> list[tuple[str, object]]:
    return sorted(reading.items(), key=lambda pair: pair[0])


def test_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Some programs begin UTF-8 files with one."""
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf1")

    assert {"": (1,)} == values_of(read_json(tmp_path / "b.json"))


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
