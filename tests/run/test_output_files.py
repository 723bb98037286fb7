"""What a run does not see of earlier ones, what counts as its outputs, and what a freeze leaves in the project."""

from pathlib import Path

import pytest

from envsnap.errors import InvalidFileError, JobError
from envsnap.manifest.job import JobOutput
from envsnap.manifest.outcome import RecordedOutput
from envsnap.run.output_files import collect_outputs, hidden_places, leave_outputs, made_folders, place_of

METRICS = JobOutput(path="out/metrics.jsonl", format="jsonl")
WEIGHTS = JobOutput(path="weights.npz", format="npz")
VERSION = JobOutput(path="logs/version_0/metrics.csv", format="csv")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "out").mkdir(parents=True)
    (folder / METRICS.path).write_text("earlier")
    return folder


@pytest.fixture
def written(project: Path) -> Path:
    """What a run wrote, in a folder of the project's shape."""
    folder = project / ".envsnap" / "runs" / "0001" / "written"
    (folder / "out").mkdir(parents=True)
    return folder


def collect(output: JobOutput, written: Path, project: Path) -> RecordedOutput:
    (recorded,) = collect_outputs([output], written=written, project=project)
    return recorded


@pytest.mark.parametrize("path", ["/etc/passwd", "../up.json", "out/../../up.json", "."])
def test_a_path_out_of_the_project_is_refused(project: Path, path: str) -> None:
    """The manifest is untrusted: it cannot name a file elsewhere."""
    with pytest.raises(InvalidFileError, match="below the project"):
        place_of(JobOutput(path=path, format="json"), project)


def test_a_linked_folder_out_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    """Nothing is moved into or out of a folder elsewhere."""
    (project / "scratch").symlink_to(tmp_path)

    with pytest.raises(InvalidFileError, match="outside the project"):
        hidden_places([JobOutput(path="scratch/metrics.json", format="json")], (), project)


@pytest.mark.parametrize(
    "target", ["envsnap.lock", "envsnap.toml", ".git/config", "envsnap.baseline/a/m.json", ".envsnap/x"]
)
def test_a_link_to_what_is_no_jobs_to_write_is_refused(project: Path, target: str) -> None:
    """A freeze would replace it."""
    (project / WEIGHTS.path).symlink_to(target)

    with pytest.raises(InvalidFileError, match=f"leads to {Path(target).parts[0]}, which is no job's to write"):
        place_of(WEIGHTS, project)


def test_of_places_within_one_another_the_outer_is_hidden(project: Path) -> None:
    """A link to an output in a folder that the job makes."""
    leave_outputs([recorded(project, VERSION, "1,2")], project)
    (project / "latest.csv").symlink_to(VERSION.path)
    outputs = [VERSION, JobOutput(path="latest.csv", format="csv")]

    assert (Path("logs"),) == hidden_places(outputs, ("logs", "logs/version_0"), project)


def test_a_folder_in_an_outputs_place_is_refused(project: Path) -> None:
    """It is declared wrongly, or the job's own folder is in the way."""
    (project / WEIGHTS.path).mkdir()

    with pytest.raises(JobError, match="is a folder"):
        hidden_places([METRICS, WEIGHTS], (), project)


def test_outputs_that_are_there_are_hidden(project: Path) -> None:
    """Those alone; the folder was not made by the job as far as is known."""
    assert (Path(METRICS.path),) == hidden_places([METRICS, WEIGHTS], (), project)


def test_an_output_behind_a_link_is_hidden_where_it_lies(project: Path) -> None:
    """A whiteout behind a link would hide nothing."""
    (project / "latest").symlink_to("out")

    assert (Path(METRICS.path),) == hidden_places([JobOutput(path="latest/metrics.jsonl", format="jsonl")], (), project)


def test_a_folder_that_the_job_makes_is_hidden_as_a_whole(project: Path) -> None:
    """A job that finds ``version_0`` takes ``version_1``; one that finds its folder may refuse to start."""
    made = made_folders([VERSION], (), project)
    leave_outputs([recorded(project, VERSION, "1,2")], project)

    assert ("logs", "logs/version_0") == made
    assert (Path("logs"),) == hidden_places([VERSION], made, project)
    assert made == made_folders([VERSION], made, project)


def test_a_folder_with_something_of_the_users_is_not_hidden(project: Path) -> None:
    """A note beside the outputs stays in sight; the folder below holds outputs alone."""
    leave_outputs([recorded(project, VERSION, "1,2")], project)
    (project / "logs/notes.txt").write_text("mine")

    assert (Path("logs/version_0"),) == hidden_places([VERSION], ("logs", "logs/version_0"), project)


def test_a_folder_that_was_there_before_the_freeze_is_not_the_jobs(project: Path) -> None:
    """The job may need it."""
    assert () == made_folders([METRICS], (), project)


def test_an_output_is_what_the_run_wrote(project: Path, written: Path) -> None:
    """With its hash and size; the file in the project is another one."""
    (written / METRICS.path).write_text("new")
    found = collect(METRICS, written, project)

    assert (written / METRICS.path, 3) == (found.file, found.size)
    assert len(found.sha256) == 64


def test_an_output_that_was_not_written_has_no_file(project: Path, written: Path) -> None:
    """The one in the project is an earlier run's."""
    assert collect(METRICS, written, project).file is None


@pytest.mark.parametrize(
    "target", ["step-10/weights.npz", "{project}/step-10/weights.npz", "./step-10/../step-10/weights.npz"]
)
def test_a_link_to_what_the_run_wrote_is_followed(project: Path, written: Path, target: str) -> None:
    """``latest`` pointing at a numbered checkpoint is common; an absolute link names the project, as the job saw it."""
    (written / "step-10").mkdir()
    (written / "step-10/weights.npz").write_text("ten")
    (written / WEIGHTS.path).symlink_to(target.format(project=project))

    assert (written / "step-10/weights.npz") == collect(WEIGHTS, written, project).file


def test_a_linked_folder_of_the_project_is_followed(project: Path, written: Path) -> None:
    """What the job wrote through it lies under the folder's own name."""
    (project / "latest").symlink_to("out")
    (written / METRICS.path).write_text("new")

    found = collect(JobOutput(path="latest/metrics.jsonl", format="jsonl"), written, project)

    assert written / METRICS.path == found.file


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "outside the project"),
        ("../../../../../etc/passwd", "outside the project"),
        ("out/metrics.jsonl", "which this run did not write"),
        (".envsnap/runs/0000/written/weights.npz", "which this run did not write"),
        ("missing", "link to nothing"),
        ("weights.npz", "link to nothing"),
    ],
)
def test_a_link_to_anything_else_is_no_output(project: Path, written: Path, target: str, reason: str) -> None:
    """Neither a file of this machine, nor of another run, nor of the project."""
    former = project / ".envsnap/runs/0000/written/weights.npz"
    former.parent.mkdir(parents=True)
    former.write_text("former")
    (written / WEIGHTS.path).symlink_to(target)

    with pytest.raises(JobError, match=reason):
        collect(WEIGHTS, written, project)


def test_a_linked_folder_that_the_run_made_leads_nowhere(project: Path, written: Path, tmp_path: Path) -> None:
    """The job put a link in the place of its folder."""
    (tmp_path / "metrics.jsonl").write_text("secret")
    (written / "out").rmdir()
    (written / "out").symlink_to(tmp_path)

    with pytest.raises(JobError, match="outside the project"):
        collect(METRICS, written, project)


def test_a_folder_is_no_output(project: Path, written: Path) -> None:
    """Only regular files are compared."""
    (written / WEIGHTS.path).mkdir()

    with pytest.raises(JobError, match="no regular file"):
        collect(WEIGHTS, written, project)


def test_outputs_are_left_where_the_job_put_them(project: Path) -> None:
    """A new one replaces an earlier one, as running the job by hand would; a link within the project stays one."""
    (project / "step-9.npz").write_text("former")
    (project / WEIGHTS.path).symlink_to("step-9.npz")

    leave_outputs([recorded(project, METRICS, "new"), recorded(project, WEIGHTS, "heavy")], project)

    assert ["new", "heavy"] == [(project / output.path).read_text() for output in (METRICS, WEIGHTS)]
    assert ("step-9.npz", "heavy") == (
        str((project / WEIGHTS.path).readlink()),
        (project / "step-9.npz").read_text(),
    )


def test_a_link_out_of_the_project_is_replaced_and_not_followed(project: Path, tmp_path: Path) -> None:
    """Nothing is written elsewhere."""
    (tmp_path / "kept.npz").write_text("kept")
    (project / WEIGHTS.path).symlink_to(tmp_path / "kept.npz")

    leave_outputs([recorded(project, WEIGHTS, "heavy")], project)

    assert ("heavy", "kept") == ((project / WEIGHTS.path).read_text(), (tmp_path / "kept.npz").read_text())


def test_of_a_link_in_the_project_what_it_names_is_hidden(project: Path) -> None:
    """The link is the project's own: the job writes through it, as by hand."""
    (project / "step-9.npz").write_text("former")
    (project / WEIGHTS.path).symlink_to("step-9.npz")

    assert (Path("step-9.npz"),) == hidden_places([WEIGHTS], (), project)


def test_an_output_that_cannot_be_left_is_named(project: Path) -> None:
    """Somebody put a file where its folder would be."""
    (project / "logs").write_text("a file")

    with pytest.raises(JobError, match=r"output 'logs/version_0/metrics\.csv' cannot be left in"):
        leave_outputs([recorded(project, VERSION, "1,2")], project)


def recorded(project: Path, output: JobOutput, text: str) -> RecordedOutput:
    file = project / ".envsnap" / "runs" / "0001" / "written" / output.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return RecordedOutput(path=output.path, format=output.format, file=file)
