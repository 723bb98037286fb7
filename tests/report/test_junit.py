from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from envsnap.manifest.verdict import Divergence, ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.report.junit import render_junit


def parse(verdict: Verdict) -> Element:
    return fromstring(render_junit(verdict, name="verify", seconds=1.5).encode())


def output_of(*statuses: Status) -> OutputVerdict:
    items = tuple(ItemVerdict(name=f"m{i}", status=status, reason=f"r{i}") for i, status in enumerate(statuses))
    return OutputVerdict(path="a.json", format="json", status=statuses[0], items=items)


def test_each_item_is_a_testcase() -> None:
    """Fail, inconclusive and ignored have elements of their own, and are counted."""
    root = parse(Verdict(status="fail", outputs=(output_of("fail", "inconclusive", "ignored", "pass"),)))
    suite = root[0]

    assert ["failure", "error", "skipped", None] == [case[0].tag if len(case) else None for case in suite]
    assert ["4", "1", "1", "1"] == [suite.get(kind) for kind in ("tests", "failures", "errors", "skipped")]
    assert ["4", "1", "1", "1"] == [root.get(kind) for kind in ("tests", "failures", "errors", "skipped")]
    assert "1.500" == root.get("time")


def test_failure_tells_reason_and_place() -> None:
    """The message is the reason; the text adds both values."""
    place = Divergence(where="step 3", baseline="0.5", rerun="0.75")
    item = ItemVerdict(name="loss", status="fail", reason="too far", first_beyond=place)
    root = parse(Verdict(status="fail", outputs=(OutputVerdict(path="a", format="csv", status="fail", items=(item,)),)))
    failure = root[0][0][0]

    assert "too far" == failure.get("message")
    assert "too far\nfirst beyond at step 3: baseline 0.5, rerun 0.75" == failure.text


def test_failed_output_without_failed_items_is_a_failure() -> None:
    """A file that cannot be read, or proved nothing, is a testcase itself."""
    unreadable = OutputVerdict(path="a", format="csv", status="fail", reason="it is empty")
    ignored = ItemVerdict(name="m", status="ignored", reason="as told")
    unproven = OutputVerdict(path="b", format="csv", status="fail", reason="nothing was compared", items=(ignored,))
    root = parse(Verdict(status="fail", outputs=(unreadable, unproven)))

    assert ["it is empty", "nothing was compared"] == [one.get("message") for one in root.iter("failure")]


def test_no_outputs_is_a_failure() -> None:
    """A job that declares no outputs does not turn a pipeline green."""
    assert "1" == parse(Verdict(status="fail", outputs=(), reason="no outputs")).get("failures")


@given(st.text(), st.text())
def test_any_text_gives_valid_xml(name: str, reason: str) -> None:
    """Text from outputs can hold anything; a strict parser still reads the report."""
    item = ItemVerdict(name=name, status="fail", reason=reason)
    root = parse(
        Verdict(status="fail", outputs=(OutputVerdict(path=name, format="csv", status="fail", items=(item,)),))
    )

    assert 1 == len(list(root.iter("failure")))


def test_control_characters_and_surrogates_are_left_out() -> None:
    """XML 1.0 has no place for them, not even escaped."""
    item = ItemVerdict(name="a\x00\x1b\ud800\uffffb", status="fail", reason="r")
    root = parse(Verdict(status="fail", outputs=(OutputVerdict(path="p", format="csv", status="fail", items=(item,)),)))

    assert "ab" == root[0][0].get("name")
