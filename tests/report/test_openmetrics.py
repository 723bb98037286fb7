"""The metrics report is OpenMetrics, whatever the names hold; prometheus_client's strict parser is the oracle."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Verdict
from envsnap.report.openmetrics import render_metrics

Samples = dict[tuple[str, str, str], float]


def read(verdict: Verdict) -> Samples:
    return {
        (sample.name, sample.labels["output"], sample.labels.get("item", "")): sample.value
        for family in text_string_to_metric_families(render_metrics(verdict))  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def verdict_of(*items: ItemVerdict, path: str = "m.json") -> Verdict:
    return Verdict(status="fail", outputs=(OutputVerdict(path=path, format="json", status="fail", items=items),))


def test_each_item_has_its_distances() -> None:
    """A merge request shows by how much each metric moved."""
    far = ItemVerdict(name="loss", status="fail", differing=3, beyond=2, max_absolute=0.25, max_relative=1e-7)
    same = ItemVerdict(name="step", status="pass", count=20)

    assert read(verdict_of(far, same)) == {
        ("envsnap_output_passed", "m.json", ""): 0,
        ("envsnap_values_beyond", "m.json", "loss"): 2,
        ("envsnap_values_beyond", "m.json", "step"): 0,
        ("envsnap_max_abs_diff", "m.json", "loss"): 0.25,
        ("envsnap_max_abs_diff", "m.json", "step"): 0,
        ("envsnap_max_rel_diff", "m.json", "loss"): 1e-7,
        ("envsnap_max_rel_diff", "m.json", "step"): 0,
    }


def test_what_has_no_distance_says_none() -> None:
    """Text that differs is no number, and what is ignored was not compared."""
    text = ItemVerdict(name="t", status="fail", dtype="text", differing=1, beyond=1)
    ignored = ItemVerdict(name="i", status="ignored")

    assert [("envsnap_output_passed", ""), ("envsnap_values_beyond", "t")] == [
        (name, item) for name, _, item in read(verdict_of(text, ignored))
    ]


def test_distances_need_not_be_finite() -> None:
    """A rerun that is NaN or infinite lies infinitely far."""
    items = (
        ItemVerdict(name="a", status="fail", differing=1, max_absolute=math.inf),
        ItemVerdict(name="b", status="fail", differing=1, max_absolute=math.nan),
    )
    found = read(verdict_of(*items))

    assert math.inf == found["envsnap_max_abs_diff", "m.json", "a"]
    assert math.isnan(found["envsnap_max_abs_diff", "m.json", "b"])


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_names_read_back_as_they_are(path: str, name: str) -> None:
    """Quotes, backslashes, braces and line ends in a name end no label and no line."""
    found = read(verdict_of(ItemVerdict(name=name, status="fail", beyond=1), path=path))

    assert 1 == found["envsnap_values_beyond", path, name]


@given(st.text(alphabet='" \\\n\r{}#,a='))
def test_gitlab_finds_the_value_behind_the_last_blank(name: str) -> None:
    """It splits at blanks, and reads lines that end in a newline."""
    lines = render_metrics(verdict_of(ItemVerdict(name=name, status="fail", beyond=7))).split("\n")

    assert ["7.0"] == [line.rsplit(" ", 1)[1] for line in lines if line.startswith("envsnap_values_beyond")]


def test_half_a_surrogate_pair_can_be_written() -> None:
    """A file's name may hold bytes that are no UTF-8."""
    assert render_metrics(verdict_of(ItemVerdict(name="a\ud800", status="pass"))).encode("utf-8")
