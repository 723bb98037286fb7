"""Many processes' reports become one Observation; what cannot be read is told, not trusted."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsnap.manifest.observation import LoadedLibrary, Observation, OpenedFile, UnseededGenerator
from envsnap.run.observed import merge, observe

NAMES = st.sampled_from(["libm.so.6", "libc.so.6", "libgomp.so.1"])
LIBRARIES = st.builds(LoadedLibrary, name=NAMES, family=st.just("runtime"), path=NAMES, size=st.integers(0, 9))
REPORTS = st.builds(
    Observation,
    python=st.sampled_from(["3.11.7", "3.12.0"]),
    modules=st.integers(0, 3),
    libraries=st.lists(LIBRARIES, max_size=3).map(tuple),
    errors=st.lists(st.sampled_from(["torch: a", "numpy: b"]), max_size=2).map(tuple),
)


@given(
    st.lists(REPORTS, min_size=1, max_size=5).flatmap(
        lambda reports: st.tuples(st.just(reports), st.permutations(reports))
    )
)
def test_order_does_not_matter(pair: tuple[list[Observation], list[Observation]]) -> None:
    """Processes end in any order; the Observation is the same."""
    reports, shuffled = pair

    assert merge(reports) == merge(shuffled)


@given(st.lists(REPORTS, min_size=1, max_size=5))
def test_nothing_loaded_is_lost(reports: list[Observation]) -> None:
    """Each library and error of each process is in the whole, once."""
    whole = merge(reports)

    assert {library for report in reports for library in report.libraries} == set(whole.libraries)
    assert len(set(whole.libraries)) == len(whole.libraries)
    assert {error for report in reports for error in report.errors} == set(whole.errors)
    assert len(reports) == whole.processes


def test_the_main_process_is_the_one_with_most_modules() -> None:
    """Settings come from the process that did the work."""
    launcher = Observation(python="3.11.7", modules=80, program="launch.py")
    worker = Observation(python="3.11.7", modules=900, program="train.py")

    assert "train.py" == merge([launcher, worker]).program


def test_merging_nothing_is_a_mistake() -> None:
    """There is no main process among none."""
    with pytest.raises(ValueError, match="no report"):
        merge([])


def test_no_report_means_not_observed(tmp_path: Path) -> None:
    """A job that is no Python, or ran isolated, has no Observation."""
    assert observe(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "report observed-2-2.json: "),
        ('{"python": 3}', "report observed-2-2.json: "),
        ('{"python": "3.11", "modles": 3}', "did you mean 'modules'?"),
        ('{"python": "3.11", "modules": -3}', "report observed-2-2.json: "),
    ],
)
def test_an_unreadable_report_is_named(tmp_path: Path, content: str, message: str) -> None:
    """The job could have written it: it is checked like any foreign data."""
    (tmp_path / "observed-1-1.json").write_text(json.dumps({"python": "3.11.7"}))
    (tmp_path / "observed-2-2.json").write_text(content)
    observation = observe(tmp_path)

    assert observation is not None
    assert 1 == observation.processes
    assert message in observation.errors[0]


def test_a_report_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to, and nesting without end neither stop nor block."""
    (tmp_path / "observed-1-1.json").write_text(json.dumps({"python": "3.11.7"}))
    (tmp_path / "observed-2-2.json").mkdir()
    os.mkfifo(tmp_path / "observed-3-3.json")
    (tmp_path / "observed-4-4.json").write_text('{"errors": ' + "[" * 100_000)
    observation = observe(tmp_path)

    assert observation is not None
    assert [f"report observed-{number}-{number}.json" for number in (2, 3, 4)] == [
        error.partition(":")[0] for error in observation.errors
    ]


def test_a_report_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """A report is a file that the observer wrote into the folder."""
    (tmp_path / "elsewhere").write_text(json.dumps({"python": "3.11.7"}))
    (tmp_path / "observed-1-1.json").symlink_to(tmp_path / "elsewhere")

    assert observe(tmp_path) is None


def test_journals_of_all_processes_join_the_report(tmp_path: Path) -> None:
    """Each thing once, in order of place; a last line that a kill cut short is left out."""
    (tmp_path / "observed-1-1.json").write_text(json.dumps({"python": "3.11.7"}))
    seed = {"seed": {"call": "random.seed", "place": "train.py:10", "seed": 3}}
    early = {"seed": {"call": "random.seed", "place": "train.py:9"}}
    generator = {"unseeded": {"call": "random.Random()", "place": "train.py:4"}}
    file = {"opened": {"path": "data/a.csv", "real": "data/a.csv", "size": 3}}
    (tmp_path / "events-1.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in (seed, early, file)))
    (tmp_path / "events-2.jsonl").write_text(json.dumps(generator) + "\n" + json.dumps(file) + "\n" + '{"opened": {"pa')

    seen = observe(tmp_path)

    assert seen is not None
    assert ["train.py:9", "train.py:10"] == [one.place for one in seen.seeds]
    assert (UnseededGenerator(place="train.py:4", call="random.Random()"),) == seen.unseeded
    assert (OpenedFile(path="data/a.csv", real="data/a.csv", size=3),) == seen.opened
    assert () == seen.errors


def test_a_journal_that_is_none_is_named(tmp_path: Path) -> None:
    """The job could write anything in its place."""
    (tmp_path / "observed-1-1.json").write_text(json.dumps({"python": "3.11.7"}))
    (tmp_path / "events-1.jsonl").write_text('{"opened": 3}\n')
    seen = observe(tmp_path)

    assert seen is not None
    assert 1 == len(seen.errors)
    assert seen.errors[0].startswith("journal events-1.jsonl:")


def test_a_journal_alone_is_no_observation(tmp_path: Path) -> None:
    """Its process ended without a report: which settings were in force, nobody knows."""
    (tmp_path / "events-1.jsonl").write_text("")

    assert observe(tmp_path) is None
