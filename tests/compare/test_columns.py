"""How text becomes columns of numbers: at once where that is the same as one by one, whatever the text holds."""

import json
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsnap.compare import tables, text
from envsnap.compare.columns import Labels, Positions, common_start, pack, step_places
from envsnap.compare.reading import Reading, Series
from envsnap.errors import OutputError

NUMBERS = st.one_of(
    (st.integers(-(2**70), 2**70) | st.floats()).map(json.dumps),
    st.sampled_from(["1e400", "1e-400", "-0", "-0.0", "5e-324", "0.0"]),
)
SCALARS = st.one_of(NUMBERS, st.sampled_from(["null", "true", '"NaN"', '"a"', '"x\\":1"', '"\\u00e9"']))
KEYS = st.sampled_from(["step", "epoch", "loss", "a", "a b", "val"])


def as_object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in members.items()) + "}"


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=3).map(as_object)
        | st.lists(inner, max_size=3).map(lambda entries: f"[{','.join(entries)}]")
    ),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4).map(as_object), min_size=1, max_size=6)
CELLS = st.one_of(
    st.floats().map(repr),
    st.integers(-(2**66), 2**66).map(str),
    st.sampled_from(
        ["", "001", "-", ".", "1.", "+.5", "1e-400", "2e400", "nan", " 7", "1_0", "٣", "0", "-0", "1e5", "1E5"]
    ),
)


def read(path: Path) -> object:
    """Everything of a file of records, or that it was refused."""
    try:
        return told(text.read_jsonl(path))
    except OutputError:
        return "refused"


def told(reading: Reading) -> dict[str, tuple[list[str], list[str], bool]]:
    """Everything of a reading that counts; ``repr`` tells -0.0 from 0.0, and NaN equals NaN."""
    return {
        name: (list(item.labels), list(map(repr, item.values)), item.is_step)
        for name, item in reading.items()
        if isinstance(item, Series)
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(records=RECORDS)
def test_records_read_at_once_are_those_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, records: list[str]
) -> None:
    path = tmp_path_factory.mktemp("text") / "out.jsonl"
    path.write_text("\n".join(records), encoding="utf-8")
    at_once = read(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "CHUNK", 1)
        patch.setattr(text, "_decode_quickly", lambda _texts: [])
        assert at_once == read(path)


@given(cells=st.lists(CELLS, min_size=1, max_size=8) | st.lists(st.floats().map(repr), min_size=1))
def test_a_column_read_at_once_is_that_of_its_cells(cells: list[str]) -> None:
    assert [repr(tables.parse_cell(cell)) for cell in cells] == list(map(repr, tables._parse_column(cells, ".")))


@pytest.mark.parametrize(
    ("cells", "decimal", "code"),
    [
        (("1.5", "2.5"), ".", "d"),
        (("1.5", "1e-05"), ".", "d"),
        (("0.0", "0.5"), ".", "d"),
        (("1", "-2"), ".", "q"),
        (("1.5", "2"), ".", ""),
        (("1", "2e5"), ".", ""),
        (("1", "2E5"), ".", ""),
        (("1", "02"), ".", ""),
        (("1", "a"), ".", ""),
        (("1", "2"), ",", ""),
        (("0.0", "1.0e-400"), ".", ""),
    ],
)
def test_plain_numbers_of_one_kind_are_read_at_once(cells: tuple[str, ...], decimal: str, code: str) -> None:
    """It is what makes a table of 50 MB a matter of seconds."""
    column = tables._parse_column(cells, decimal)

    assert code == (column.typecode if isinstance(column, array) else "")


@pytest.mark.parametrize(
    "document",
    [
        '{"a": 1, "b": 2.5}',
        '{"a": {"b": 1, "c": {"d": 2}}}',
        '{"a": [{"b": 1}, 2, [{"c": 3, "d": 4}]]}',
        "[1, 2]",
        "{}",
        '"a"',
        '{"a": "b:c", "d": "{"}',
    ],
)
def test_plain_documents_are_decoded_at_once(document: str) -> None:
    assert [json.loads(document)] * 2 == text._decode_quickly([document] * 2)


@pytest.mark.parametrize(
    "document",
    [
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '[{"a": 1}, {"b": 1, "b": 2}]',
        '{"a" : 1}',
        '{"a"\n: 1}',
        '{"a": 1e-400}',
        '{"a": 0.' + 200 * "0" + "1}",
        '{"a": NaN}',
        "{",
        "[" * 10_000,
    ],
)
def test_what_a_quick_decoder_would_hide_is_left_to_the_exact_one(document: str) -> None:
    assert [] == text._decode_quickly([document])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('{"a": 1e-400}', ["Decimal('1E-400')"]),
        ('{"a": 0.' + 400 * "0" + "1}", ["Decimal('1E-401')"]),
        ('{"a": 1e400}', ["Decimal('1E+400')"]),
        ('{"a" : 0.5}', ["0.5"]),
        ('{"a": 123456789012345678901234567890}', ["123456789012345678901234567890"]),
        ('{"a": NaN}', ["nan"]),
        ('{"a": "b\\":"}', ["'b\":'"]),
    ],
)
def test_what_a_quick_decoder_does_not_tell_is_read(tmp_path: Path, line: str, values: list[str]) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(line)

    assert {"a": (["record 1"], values, False)} == told(text.read_jsonl(path))


def test_places_are_found_across_parts() -> None:
    labels = Labels([Positions("step ", [3, 5]), Positions("", ["end"]), Positions("v[", range(2), "]")])

    assert ["step 3", "step 5", "end", "v[0]", "v[1]"] == list(labels) == [labels[place] for place in range(5)]
    assert labels[-1] == "v[1]"
    assert labels == Labels([Positions("", list(labels))])
    assert labels != Labels([Positions("", ["step 3"])])
    with pytest.raises(IndexError):
        labels[5]


@pytest.mark.parametrize(
    ("others", "common"),
    [
        (Labels([Positions("step ", [1, 2]), Positions("step ", [3])]), 3),
        (Labels([Positions("step ", [1, 2]), Positions("step ", [4])]), 2),
        (Labels([Positions("step ", [1, 2])]), 2),
        (("step 1", "step 2", "step 3", "step 4"), 3),
        (Labels([Positions("step ", [9, 2, 3])]), 0),
        (("step 9",), 0),
        ((), 0),
    ],
)
def test_the_common_start_of_two_series_is_counted(others: tuple[str, ...], common: int) -> None:
    labels = Labels([Positions("step ", [1, 2]), Positions("step ", [3])])

    assert common == common_start(labels, others) == common_start(others, labels)


def test_only_numbers_of_one_kind_are_packed() -> None:
    assert ("d", "q") == tuple(pack(values).typecode for values in ([1.0, 2.5], [1, 2**63 - 1]))  # type: ignore[attr-defined]
    for values in ([1, 2.0], [True], [2**63], ["a"], [None]):
        assert pack(values) is values


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([1, 2, 3], range(1, 4)),
        ([30, 20, 10], range(30, 0, -10)),
        ([5, 7], range(5, 9, 2)),
        ([1.0, 2.0], range(1, 3)),
        ([1, 2, 4], array("q", [1, 2, 4])),
        ([1, 2, 5, 4], array("q", [1, 2, 5, 4])),
        ([4, 4], array("q", [4, 4])),
        ([8], array("q", [8])),
        ([-(2**63), 2**63 - 1], range(-(2**63), 2**64 + 2**63 - 2, 2**64 - 1)),
    ],
)
def test_steps_at_even_distances_take_no_memory(steps: list[int | float], kept: object) -> None:
    places = step_places({"global_step": steps}, Positions("row ", range(len(steps))))

    assert (places.before, places.numbers) == ("step ", kept)


def test_a_record_without_a_step_keeps_its_number() -> None:
    columns = {"epoch": [1, None, 1.5, True, "a"], "step": [None, None, 2, 7.5, [1]]}

    places = step_places(columns, Positions("record ", range(1, 6)), "v[0]")  # type: ignore[arg-type] # a list too

    words = ["v[0] epoch 1", "record 2", "v[0] step 2", "v[0] step 7.5", "v[0] epoch 'a'"]
    assert words == [places.word(place) for place in range(5)]
