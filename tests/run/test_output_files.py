"""Earlier outputs are set aside, new ones kept, and nothing of the user's is ever lost."""

import contextlib
from pathlib import Path

import pytest

from envsnap.errors import InvalidFileError, JobError
from envsnap.manifest.job import JobOutput
from envsnap.run.output_files import collect_outputs, outputs_set_aside, place_of, restore_interrupted

METRICS = JobOutput(path="out/metrics.jsonl", format="jsonl")
WEIGHTS = JobOutput(path="weights.npz", format="npz")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "out").mkdir(parents=True)
    (folder / METRICS.path).write_text("earlier")
    return folder


@pytest.fixture
def folder(project: Path) -> Path:
    return project / ".envsnap" / "runs" / "0001"


@pytest.mark.parametrize("path", ["/etc/passwd", "../up.json", "out/../../up.json", "."])
def test_a_path_out_of_the_project_is_refused(project: Path, path: str) -> None:
    """The manifest is untrusted: it cannot name a file elsewhere."""
    with pytest.raises(InvalidFileError, match="below the project"):
        place_of(JobOutput(path=path, format="json"), project)


def test_a_linked_folder_out_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    """Nothing is moved into or out of a folder elsewhere."""
    (project / "scratch").symlink_to(tmp_path)

    with pytest.raises(InvalidFileError, match="outside the project"):
        place_of(JobOutput(path="scratch/metrics.json", format="json"), project)


def test_an_earlier_output_is_out_of_sight_during_the_run(project: Path, folder: Path) -> None:
    """A job that writes nothing cannot pass with an old file; the old file returns."""
    with outputs_set_aside([METRICS], project=project, folder=folder, keep=False):
        assert not (project / METRICS.path).exists()
        recorded = collect_outputs([METRICS], project=project, folder=folder, keep=False)

    assert [None] == [output.file for output in recorded]
    assert "earlier" == (project / METRICS.path).read_text()


def test_a_rerun_leaves_the_project_as_it_was(project: Path, folder: Path) -> None:
    """New outputs go to the run's folder, the earlier ones return, and no new file stays behind."""
    with outputs_set_aside([METRICS, WEIGHTS], project=project, folder=folder, keep=False):
        (project / METRICS.path).write_text("new")
        (project / WEIGHTS.path).write_text("new weights")
        recorded = collect_outputs([METRICS, WEIGHTS], project=project, folder=folder, keep=False)

    assert ["new", "new weights"] == [output.file.read_text() for output in recorded if output.file]
    assert [3, 11] == [output.size for output in recorded]
    assert "earlier" == (project / METRICS.path).read_text()
    assert not (project / WEIGHTS.path).exists()
    assert not (folder / "before").exists()


def test_a_baseline_leaves_the_new_outputs(project: Path, folder: Path) -> None:
    """Kept outputs replace the earlier ones, as running the job by hand would."""
    with outputs_set_aside([METRICS], project=project, folder=folder, keep=True):
        (project / METRICS.path).write_text("new")
        (recorded,) = collect_outputs([METRICS], project=project, folder=folder, keep=True)

    assert recorded.file is not None
    assert "new" == (project / METRICS.path).read_text() == recorded.file.read_text()
    assert not (folder / "before").exists()


def test_a_baseline_that_writes_nothing_loses_nothing(project: Path, folder: Path) -> None:
    """An output that was not written anew stays as it was."""
    with outputs_set_aside([METRICS], project=project, folder=folder, keep=True):
        collect_outputs([METRICS], project=project, folder=folder, keep=True)

    assert "earlier" == (project / METRICS.path).read_text()


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupted_run_restores_and_keeps_what_it_left(project: Path, folder: Path, *, keep: bool) -> None:
    """Control-C gives the earlier file back; the half-written one lies in the run's folder."""

    def interrupted() -> None:
        with outputs_set_aside([METRICS, WEIGHTS], project=project, folder=folder, keep=keep):
            (project / METRICS.path).write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert "earlier" == (project / METRICS.path).read_text()
    assert "half" == (folder / "unfinished" / METRICS.path).read_text()


def test_a_folder_in_an_outputs_place_is_refused_and_nothing_is_moved(project: Path, folder: Path) -> None:
    """What was set aside before the mistake was found is back."""
    (project / WEIGHTS.path).mkdir()

    with (
        pytest.raises(JobError, match="is a folder"),
        outputs_set_aside([METRICS, WEIGHTS], project=project, folder=folder, keep=False),
    ):
        pytest.fail("must not run")

    assert "earlier" == (project / METRICS.path).read_text()
    assert (project / WEIGHTS.path).is_dir()


def test_a_killed_run_is_put_right_later(project: Path, folder: Path) -> None:
    """Of several killed runs the oldest holds the user's own file; later leftovers are kept aside."""
    for number, text in ((1, "users own"), (2, "half of run 1")):
        place = folder.parent / f"000{number}" / "before" / METRICS.path
        place.parent.mkdir(parents=True)
        place.write_text(text)
    (project / METRICS.path).write_text("half of run 2")

    assert (METRICS.path,) == restore_interrupted(folder.parent, project)
    assert "users own" == (project / METRICS.path).read_text()
    assert "half of run 1" == (folder.parent / "0001" / "unfinished" / METRICS.path).read_text()
    assert "half of run 2" == (folder.parent / "0002" / "unfinished" / METRICS.path).read_text()
    assert () == restore_interrupted(folder.parent, project)


def test_a_link_out_of_the_project_is_no_output(project: Path, folder: Path, tmp_path: Path) -> None:
    """A job cannot make envsnap keep a file from elsewhere."""
    (tmp_path / "secret").write_text("secret")
    (project / WEIGHTS.path).symlink_to(tmp_path / "secret")

    with pytest.raises(JobError, match="outside the project"):
        collect_outputs([WEIGHTS], project=project, folder=folder, keep=True)


def test_a_link_within_the_project_is_followed(project: Path, folder: Path) -> None:
    """``latest`` pointing at a numbered checkpoint is common."""
    (project / WEIGHTS.path).symlink_to(project / METRICS.path)
    (recorded,) = collect_outputs([WEIGHTS], project=project, folder=folder, keep=False)

    assert recorded.file is not None
    assert not recorded.file.is_symlink()
    assert "earlier" == recorded.file.read_text()


def test_a_dangling_link_is_no_output(project: Path, folder: Path) -> None:
    """It is a mistake of the job, told as such."""
    (project / WEIGHTS.path).symlink_to(project / "missing")

    with pytest.raises(JobError, match="link to nothing"):
        collect_outputs([WEIGHTS], project=project, folder=folder, keep=True)


def test_a_folder_is_no_output(project: Path, folder: Path) -> None:
    """Only regular files are kept; a pipe would never end."""
    (project / WEIGHTS.path).mkdir()

    with pytest.raises(JobError, match="no regular file"):
        collect_outputs([WEIGHTS], project=project, folder=folder, keep=True)


def test_a_job_that_links_its_folder_away_is_refused(project: Path, folder: Path, tmp_path: Path) -> None:
    """The user's earlier file then stays in the run's folder, and the message says where."""

    def linking() -> None:
        with outputs_set_aside([METRICS], project=project, folder=folder, keep=False):
            (project / "out").rmdir()
            (project / "out").symlink_to(tmp_path)

    with pytest.raises(JobError, match=r"your earlier file is .*before/out/metrics\.jsonl"):
        linking()

    assert "earlier" == (folder / "before" / METRICS.path).read_text()


def test_an_output_that_links_to_itself_is_explained(project: Path, folder: Path) -> None:
    """A loop of links leads nowhere."""
    with outputs_set_aside([METRICS], project=project, folder=folder, keep=False):
        (project / METRICS.path).symlink_to(project / METRICS.path)
        with pytest.raises(JobError, match="is a link to nothing"):
            collect_outputs([METRICS], project=project, folder=folder, keep=False)

    assert "earlier" == (project / METRICS.path).read_text()


def test_an_earlier_output_that_cannot_return_is_not_lost(project: Path, folder: Path) -> None:
    """The job put a file where its folder was: the message says where the earlier output lies now."""
    kept = folder / "before" / METRICS.path
    job = contextlib.ExitStack()
    job.enter_context(outputs_set_aside([METRICS], project=project, folder=folder, keep=False))
    (project / "out").rmdir()
    (project / "out").touch()

    with pytest.raises(JobError, match=f"{kept} cannot be moved to {project / METRICS.path}"):
        job.close()
    assert "earlier" == kept.read_text()


def test_the_baseline_is_not_there_during_a_rerun(project: Path, folder: Path) -> None:
    """It holds the answer; what a job makes in its place does not become it."""
    answer = project / "envsnap.baseline/abcd/run-1/metrics.json"
    answer.parent.mkdir(parents=True)
    answer.write_text("recorded")

    with outputs_set_aside([METRICS], project=project, folder=folder, keep=False):
        assert not (project / "envsnap.baseline").exists()
        answer.parent.mkdir(parents=True)
        answer.write_text("forged")

    assert "recorded" == answer.read_text()
    assert "forged" == (folder / "unfinished" / answer.relative_to(project)).read_text()


def test_a_freeze_leaves_the_baseline_where_it_is(project: Path, folder: Path) -> None:
    """It compares nothing; killed at any moment, the former lock still has its baseline."""
    (project / "envsnap.baseline/abcd").mkdir(parents=True)

    with outputs_set_aside([METRICS], project=project, folder=folder, keep=True):
        assert (project / "envsnap.baseline/abcd").is_dir()


def test_the_baseline_comes_back_after_a_kill(project: Path, folder: Path) -> None:
    """The next command returns it."""
    (project / "envsnap.baseline/abcd").mkdir(parents=True)
    running = outputs_set_aside([], project=project, folder=folder, keep=False)
    running.__enter__()
    assert not (project / "envsnap.baseline").exists()

    restore_interrupted(folder.parent, project)

    assert (project / "envsnap.baseline/abcd").is_dir()


@pytest.mark.parametrize("target", [".envsnap/runs/0000/outputs/metrics.json", "envsnap.baseline/abcd/metrics.json"])
def test_a_link_into_what_envsnap_keeps_is_no_output(project: Path, folder: Path, target: str) -> None:
    """It is an answer of another run."""
    (project / target).parent.mkdir(parents=True)
    (project / target).write_text("kept")
    (project / WEIGHTS.path).symlink_to(project / target)

    with pytest.raises(JobError, match="a link into envsnap's own files"):
        collect_outputs([WEIGHTS], project=project, folder=folder, keep=False)
