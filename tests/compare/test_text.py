import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.compare.reading import EmptyContainer, Reading, Scalar, Series
from envsnap.compare.text import CHUNK, read_json, read_jsonl
from envsnap.errors import OutputError

from .conftest import labels_of, values_of

Write = Callable[[str, str], Path]


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


def test_a_key_may_hold_a_number_in_one_record_and_an_object_in_another(write: Write) -> None:
    """Each value is there, under its own path and with the label of its record."""
    lines = ('{"a": 1, "step": 5}', '{"a": {"b": 2}, "step": 6}', '{"a": {"b": 3}, "step": 7}', '{"a": [4], "step": 8}')
    reading = read_jsonl(write("a.jsonl", "\n".join(lines)))

    assert {"a": (1, 4), "a/b": (2, 3), "step": (5, 6, 7, 8)} == values_of(reading)
    assert ("step 5", "step 8[0]") == labels_of(reading, "a")
    assert ("step 6", "step 7") == labels_of(reading, "a/b")


@pytest.mark.parametrize(("depth", "is_read"), [(64, True), (66, False)])
@pytest.mark.parametrize("records", [1, 3])
def test_records_are_read_to_a_depth(write: Write, depth: int, is_read: bool, records: int) -> None:
    """As a document is, whether all records are alike or not."""
    path = write("a.jsonl", ('{"a":' * depth + "1" + "}" * depth + "\n") * records)
    if is_read:
        assert {"/".join("a" * depth): (1,) * records} == values_of(read_jsonl(path))
        return
    with pytest.raises(OutputError, match="it is nested deeper than 64 levels"):
        read_jsonl(path)


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
    ("text", "values", "labels"),
    [
        ("7", (7,), ("",)),
        ("[]", (EmptyContainer.LIST,), ("",)),
        ("{}", (EmptyContainer.OBJECT,), ("",)),
        ("[[], {}, 1]", (EmptyContainer.LIST, EmptyContainer.OBJECT, 1), ("[0]", "[1]", "[2]")),
        ("[[[1, 2]], [3]]", (1, 2, 3), ("[0][0][0]", "[0][0][1]", "[1][0]")),
        ('[1, "a", [2], null]', (1, "a", 2, None), ("[0]", "[1]", "[2][0]", "[3]")),
    ],
)
def test_values_without_keys_have_their_place(
    write: Write, text: str, values: tuple[Scalar, ...], labels: tuple[str, ...]
) -> None:
    reading = read_json(write("a.json", text))

    assert {"": values} == values_of(reading)
    assert labels == labels_of(reading, "")


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ('{"a": [{"step": 3, "v": [1, 2]}]}', "a/v", ("step 3[0]", "step 3[1]")),
        ('{"a": [{"step": 3, "w": [{"epoch": 2, "v": 1}]}]}', "a/w/v", ("step 3 epoch 2",)),
        ('{"a": [{"v": 1}, {"v": 2, "step": 9}, {"v": 3}]}', "a/v", ("[0]", "step 9", "[2]")),
        ('{"a": [{"s": {"step": 5, "v": 1}}]}', "a/s/v", ("[0]",)),
        ('{"step": 4, "v": 1}', "v", ("",)),
        ('{"a": [{"v": {"w": 1}}, {"v": {"w": 2}}]}', "a/v/w", ("[0]", "[1]")),
        ('{"a": [{"v": {"w": 1}}, {"v": {}}]}', "a/v/w", ("[0]",)),
        ('{"a": [{"v": {"w": 1}}, {"v": 3}]}', "a/v", ("[1]",)),
    ],
)
def test_a_step_takes_the_place_of_its_own_number_alone(
    write: Write, text: str, name: str, labels: tuple[str, ...]
) -> None:
    assert labels == labels_of(read_json(write("a.json", text)), name)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ('{"step": 1, "a": 0}\n', {"step"}),
        ('{"epoch": 2, "steps": 3, "iteration": 4}\n', {"epoch", "iteration"}),
        ('{"global_step": 5}\n', {"global_step"}),
        ('{"a": {"step": 1}}\n', set()),
        ('{"step": "one"}\n{"step": [1]}\n', {"step"}),
        ('{"step": {"of": 1}}\n', set()),
    ],
)
def test_steps_are_known_by_their_key(write: Write, text: str, steps: set[str]) -> None:
    """In a record, and not deeper; a list or an object counts no steps."""
    reading = read_jsonl(write("a.jsonl", text))

    assert steps == {name for name, item in reading.items() if isinstance(item, Series) and item.is_step}


def test_records_are_counted_across_chunks(write: Write) -> None:
    """Integers become floats, then words, in later ones."""
    values = [*range(CHUNK), *(place + 0.5 for place in range(CHUNK)), "a", None]
    reading = read_jsonl(write("a.jsonl", "".join(json.dumps({"v": value}) + "\n" for value in values)))

    assert {"v": tuple(values)} == values_of(reading)
    assert tuple(f"record {number}" for number in range(1, 2 * CHUNK + 3)) == labels_of(reading, "v")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("\n3\n", "line 2 is not a JSON object"),
        (
            '{"a": 1}\n\nno',
            "line 3: it is not valid JSON, or cut short: Expecting value: line 1 column 1 (char 0)",
        ),
        ('{"a": 1, "a": 2}', "key 'a' stands twice in one object"),
        ('{"a": {"b": 1, "c": 1, "c": 2}}', "key 'c' stands twice in one object"),
        ('{"a": 1, "a" : 2}', "key 'a' stands twice in one object"),
        ('{"a/b": 1, "a": {"b": 2}}', "two different keys are both called 'a/b'; rename one of them"),
        ('{"a": "\\ud800"}', "'\\ud800' holds a code point that is no character"),
        ('{"\\ud800": 1}', "'\\ud800' holds a code point that is no character"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "it is nested deeper than 64 levels"),
        ('{"a": ' * 70 + "1" + "}" * 70, "it is nested deeper than 64 levels"),
        *(('{"a":' * depth + "1" + "}" * depth, "it is nested deeper than 64 levels") for depth in (300, 500, 900)),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 1: it is nested deeper than 64 levels"),
    ],
)
def test_records_that_are_none_say_where(write: Write, text: str, reason: str) -> None:
    with pytest.raises(OutputError) as caught:
        read_jsonl(write("a.jsonl", text))

    assert reason == str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "[",
            "it is not valid JSON, or cut short: Expecting value: line 1 column 2 (char 1)",
        ),
        ("[" * 64 + "1" + "]" * 64, ""),
        ("[" * 65 + "1" + "]" * 65, "it is nested deeper than 64 levels"),
        ('{"a":' * 64 + "1" + "}" * 64, ""),
        ('{"a":' * 65 + "1" + "}" * 65, "it is nested deeper than 64 levels"),
        ("1e" + "9" * 30, "it holds a number with more digits in its exponent than can be compared"),
    ],
)
def test_a_document_is_read_to_a_depth(write: Write, text: str, reason: str) -> None:
    path = write("a.json", text)
    if not reason:
        assert len(read_json(path)) == 1
        return
    with pytest.raises(OutputError) as caught:
        read_json(path)
    assert reason == str(caught.value)


def test_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')

    with pytest.raises(OutputError, match=r"^it is not UTF-8 text$"):
        read_json(tmp_path / "a.json")


def test_text_beyond_the_limit_says_how_large_it_is(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envsnap.compare.text.MAX_TEXT_BYTES", 2**20)
    path = write("a.json", "1" + " " * (2**20 - 1))

    assert {"": (1,)} == values_of(read_json(path))
    path.write_text("1" + " " * 2**20)
    with pytest.raises(OutputError, match=r"^it is 1 MiB of text, more than the 1 MiB that are"):
        read_json(path)
