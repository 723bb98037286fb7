import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from envsnap.manifest.model import Model
from envsnap.manifest.verdict import ItemVerdict
from envsnap.report.envelope import envelope


class Sample(Model, frozen=True):
    some_value: float
    places: tuple[Path, ...] = ()


def refuse(literal: str) -> object:
    raise AssertionError(literal)


def test_envelope_has_one_shape() -> None:
    """Every key is there whether or not the command succeeded."""
    done = json.loads(envelope("freeze", 0, Sample(some_value=0.5, places=(Path("a"),))))
    failed = json.loads(envelope("verify", 6, error="the job failed"))

    result = {"some-value": 0.5, "places": ["a"]}
    assert {"schema": "envsnap/1", "command": "freeze", "exit-code": 0, "result": result, "error": None} == done
    assert {"schema", "command", "exit-code", "result", "error"} == set(failed)
    assert "the job failed" == failed["error"]


def test_verdict_items_survive() -> None:
    """A verdict's largest difference may be infinite, and a name may hold half a character."""
    item = ItemVerdict(name="a\ud800", status="fail", max_absolute=float("inf"))
    document = json.loads(envelope("verify", 1, item).encode(), parse_constant=refuse)

    assert "Infinity" == document["result"]["max-absolute"]
    assert "a\ufffd" == document["result"]["name"]


@given(st.lists(st.floats() | st.text(), max_size=5))
def test_any_result_is_strict_json(values: list[object]) -> None:
    """Whatever the values, a strict parser reads the document, and it is one line."""
    text = envelope("diff", 0, {"values": values})

    json.loads(text.encode(), parse_constant=refuse)
    assert 1 == text.count("\n")
