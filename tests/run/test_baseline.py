"""The baseline on disk: named by content, checked against the lock, never lost to an interrupted freeze."""

from pathlib import Path

import msgspec
import pytest

from envsnap.errors import InvalidFileError, JobError
from envsnap.host.files import sha256_bytes, sha256_file
from envsnap.host.own_places import BASELINE
from envsnap.manifest.manifest import Baseline
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.run.baseline import (
    LISTINGS,
    baseline_files,
    prune_baselines,
    read_listings,
    record_baseline,
    write_listings,
)


def outcome(folder: Path, **contents: str | None) -> Outcome:
    """An outcome whose outputs hold these texts; None for one that was never written."""
    outputs = []
    for name, text in contents.items():
        if text is None:
            outputs.append(RecordedOutput(path=f"{name}.json", format="json", file=None))
            continue
        file = folder / f"{name}-{sha256_bytes(text.encode())[:8]}.json"
        file.write_text(text, encoding="utf-8")
        sha256, size = sha256_file(file)
        outputs.append(RecordedOutput(path=f"{name}.json", format="json", file=file, sha256=sha256, size=size))
    return Outcome(outputs=tuple(outputs))


def recorded(tmp_path: Path, *texts: str) -> tuple[Path, Baseline]:
    """Record runs that wrote these texts into one output."""
    project, work = tmp_path / "project", tmp_path / "work"
    project.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    return project, record_baseline([outcome(work, metrics=text) for text in texts], project)


def test_runs_that_are_the_same_are_kept_once(tmp_path: Path) -> None:
    """One file and one digest speak for all."""
    project, baseline = recorded(tmp_path, "1", "1", "1")

    files = baseline_files(baseline, project)

    assert baseline.bitwise_repeatable
    assert 3 == baseline.runs
    assert 1 == len(baseline.outputs[0].sha256)
    assert ["1"] == [file.read_text() for file in files["metrics.json"]]


def test_runs_that_differ_are_kept_all(tmp_path: Path) -> None:
    """Statistics need every run, in order, the equal ones too."""
    project, baseline = recorded(tmp_path, "1", "2", "1")

    files = baseline_files(baseline, project)

    assert not baseline.bitwise_repeatable
    assert ["1", "2", "1"] == [file.read_text() for file in files["metrics.json"]]


def test_output_that_a_run_did_not_write_is_named(tmp_path: Path) -> None:
    """A baseline without it could not be verified."""
    with pytest.raises(JobError, match=r"did not write metrics\.json in run 2"):
        record_baseline([outcome(tmp_path, metrics="1"), outcome(tmp_path, metrics=None)], tmp_path)


@pytest.mark.parametrize(("damage", "message"), [("remove", "is missing"), ("edit", "is not the file")])
def test_damaged_baseline_is_refused(damage: str, message: str, tmp_path: Path) -> None:
    """A file that the lock does not pin proves nothing."""
    project, baseline = recorded(tmp_path, "1")
    file = baseline_files(baseline, project)["metrics.json"][0]
    file.unlink()
    if damage == "edit":
        file.write_text("2")

    with pytest.raises(InvalidFileError, match=message):
        baseline_files(baseline, project)


def test_new_recording_stands_beside_the_former_until_it_is_pruned(tmp_path: Path) -> None:
    """The former lock keeps its baseline; pruning keeps what any lock names, and what is not envsnap's."""
    project, former = recorded(tmp_path, "1")
    _, middle = recorded(tmp_path, "2")
    _, newest = recorded(tmp_path, "3")
    (project / BASELINE / "notes").mkdir()
    before = {path.name for path in (project / BASELINE).iterdir()}

    prune_baselines(project, [f'folder = "{newest.folder}"', f'folder = "{former.folder}"'])

    assert {former.folder, middle.folder, newest.folder, "notes"} == before
    assert {former.folder, newest.folder, "notes"} == {path.name for path in (project / BASELINE).iterdir()}


def test_listings_are_read_only_while_they_are_what_their_name_says(tmp_path: Path) -> None:
    """A listing is named by its digest; an edited one is as good as none, and is written anew."""
    listing = "ab 1 a.csv\n"
    digest = sha256_bytes(listing.encode())
    write_listings({digest: listing}, tmp_path)
    path = tmp_path / BASELINE / LISTINGS / f"{digest}.txt"
    written = read_listings([digest, "0" * 64], tmp_path)

    path.write_text("edited")
    edited = read_listings([digest], tmp_path)
    write_listings({digest: listing}, tmp_path)

    assert {digest: listing} == written
    assert {} == edited
    assert {digest: listing} == read_listings([digest], tmp_path)


@pytest.mark.parametrize(("runs", "repeatable"), [(3, False), (2, True)])
def test_lock_that_pins_another_number_of_runs_is_refused(tmp_path: Path, runs: int, repeatable: bool) -> None:
    """It is untrusted: two digests speak neither for three runs nor for one."""
    project, baseline = recorded(tmp_path, "1", "2")
    damaged = msgspec.structs.replace(baseline, runs=runs, bitwise_repeatable=repeatable)

    with pytest.raises(InvalidFileError, match=r"pins 2 digests of metrics\.json for"):
        baseline_files(damaged, project)
