"""Without an overlay the project is made as it was; what cannot be put back is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.errors import JobError
from envsnap.run import originals as module
from envsnap.run.in_place import Restored, in_place, refuse_lost, restore_interrupted

METRICS = Path("out/metrics.jsonl")
Runs = Callable[[Callable[[], object]], Path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "out").mkdir(parents=True)
    (folder / METRICS).write_text("earlier")
    (folder / "train.log").write_text("of yesterday\n")
    (folder / "envsnap.baseline/abcd").mkdir(parents=True)
    return folder


@pytest.fixture
def run_it(project: Path) -> Runs:
    """Run a function as the job of a run; return the folder with what it wrote."""

    def run(act: Callable[[], object]) -> Path:
        folder = project / ".envsnap/runs/0001"
        with in_place(project, folder, folder / "written", [METRICS], hide_baseline=True) as lost:
            act()
        refuse_lost(lost)
        return folder / "written"

    return run


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder but envsnap's own, with its text."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
        if ".envsnap" not in path.parts[len(folder.parts) :]
    }


def test_what_earlier_runs_left_is_out_of_sight(project: Path, run_it: Runs) -> None:
    """Neither the outputs nor the baseline; both return."""
    before = contents(project)

    def look() -> None:
        assert not (project / METRICS).exists()
        assert not (project / "envsnap.baseline").exists()

    run_it(look)

    assert before == contents(project)


def test_what_a_run_makes_goes_with_it(project: Path, run_it: Runs) -> None:
    """New files and folders, changed and removed files, a link: the next run starts from the same project."""
    before = contents(project)

    def act() -> None:
        (project / METRICS).write_text("new")
        (project / "cache").mkdir()
        (project / "cache/x.json").write_text("0.7")
        (project / "cache/out").symlink_to("/tmp")
        with (project / "train.log").open("a") as log:
            log.write("of today\n")

    written = run_it(act)

    assert before == contents(project)
    assert {
        "cache": "", "cache/out": "", "cache/x.json": "0.7", "out": "", "out/metrics.jsonl": "new",
        "train.log": "of yesterday\nof today\n",
    } == contents(written)  # fmt: skip
    assert Path("/tmp") == (written / "cache/out").readlink()


def test_what_a_run_removes_comes_back(project: Path, run_it: Runs) -> None:
    """A file, a folder, and a file in whose place it made a folder."""
    (project / "data").mkdir()
    (project / "data/a.csv").write_text("1")
    (project / "empty").mkdir()
    before = contents(project)

    def act() -> None:
        (project / "data/a.csv").unlink()
        (project / "data").rmdir()
        (project / "empty").rmdir()
        (project / "train.log").unlink()
        (project / "train.log").mkdir()

    run_it(act)

    assert before == contents(project)


def test_a_large_file_that_changed_is_named(project: Path, run_it: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not copied before each run, so the next run would inherit it: no verdict comes of that."""
    monkeypatch.setattr(module, "MOST_BYTES_A_FILE", 5)

    with pytest.raises(JobError, match=r"train\.log changed while the job ran, and cannot be put back"):
        run_it(lambda: (project / "train.log").write_text("of today, and longer\n"))

    assert "of today, and longer\n" == (project / "train.log").read_text()


def test_a_change_that_hides_its_time_is_seen(project: Path, run_it: Runs) -> None:
    """The kernel's own time of change cannot be set."""
    state = (project / "train.log").stat()

    def act() -> None:
        (project / "train.log").write_text("OF YESTERDAY\n")
        os.utime(project / "train.log", ns=(state.st_atime_ns, state.st_mtime_ns))

    run_it(act)

    assert "of yesterday\n" == (project / "train.log").read_text()


def test_an_interrupted_run_restores_and_keeps_what_it_left(project: Path, run_it: Runs) -> None:
    """Control-C gives the earlier file back; the half-written one lies in the run's folder."""

    def act() -> None:
        (project / METRICS).write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_it(act)

    assert "earlier" == (project / METRICS).read_text()
    assert "half" == (project / ".envsnap/runs/0001/written" / METRICS).read_text()


def test_a_freeze_leaves_the_baseline_where_it_is(project: Path) -> None:
    """It compares nothing; killed at any moment, the former lock still has its baseline."""
    folder = project / ".envsnap/runs/0001"

    with in_place(project, folder, folder / "written", [], hide_baseline=False):
        assert (project / "envsnap.baseline/abcd").is_dir()


def test_what_stands_in_the_baselines_place_does_not_become_it(project: Path, run_it: Runs) -> None:
    """The recorded one returns."""
    (project / "envsnap.baseline/abcd/metrics.json").write_text("recorded")

    def act() -> None:
        (project / "envsnap.baseline/abcd").mkdir(parents=True)
        (project / "envsnap.baseline/abcd/metrics.json").write_text("forged")

    run_it(act)

    assert "recorded" == (project / "envsnap.baseline/abcd/metrics.json").read_text()


def test_a_job_that_links_its_folder_away_is_put_right(project: Path, run_it: Runs, tmp_path: Path) -> None:
    """The link goes with the run; nothing is moved through it."""

    def act() -> None:
        (project / "out").rmdir()
        (project / "out").symlink_to(tmp_path)

    written = run_it(act)

    assert "earlier" == (project / METRICS).read_text()
    assert (written / "out").is_symlink()
    assert ["project"] == [path.name for path in tmp_path.iterdir()]


def test_a_killed_run_is_put_right_later(project: Path) -> None:
    """Of several killed runs the oldest holds the user's own file; later leftovers are kept aside."""
    folder = project / ".envsnap/runs"
    for number, text in ((1, "users own"), (2, "half of run 1")):
        place = folder / f"000{number}" / "before" / METRICS
        place.parent.mkdir(parents=True)
        place.write_text(text)
    (project / METRICS).write_text("half of run 2")

    assert Restored((str(METRICS),)) == restore_interrupted(folder, project)
    assert "users own" == (project / METRICS).read_text()
    assert "half of run 1" == (folder / "0001/unfinished" / METRICS).read_text()
    assert "half of run 2" == (folder / "0002/unfinished" / METRICS).read_text()
    assert Restored() == restore_interrupted(folder, project)


def test_the_baseline_comes_back_after_a_kill(project: Path) -> None:
    """The next command returns it."""
    folder = project / ".envsnap/runs/0001"
    running = in_place(project, folder, folder / "written", [], hide_baseline=True)
    running.__enter__()
    assert not (project / "envsnap.baseline").exists()

    restore_interrupted(folder.parent, project)

    assert (project / "envsnap.baseline/abcd").is_dir()


def test_a_linked_folder_is_no_way_out_after_a_kill(project: Path, tmp_path: Path) -> None:
    """The link that the run put in its place goes aside, and the folder comes back."""
    kept = project / ".envsnap/runs/0001/before" / METRICS
    kept.parent.mkdir(parents=True)
    (project / METRICS).rename(kept)
    (project / "out").rmdir()
    (project / "out").symlink_to(tmp_path)

    restore_interrupted(project / ".envsnap/runs", project)

    assert "earlier" == (project / METRICS).read_text()
    assert (project / ".envsnap/runs/0001/unfinished/out").is_symlink()
    assert ["project"] == [path.name for path in tmp_path.iterdir()]


def test_what_a_killed_run_removed_comes_back_and_what_it_changed_is_named(project: Path) -> None:
    """Its owner may have changed it since: then nothing is taken back, and the copy from before stays."""
    folder = project / ".envsnap/runs/0001"
    (project / "notes.txt").write_text("mine")
    running = in_place(project, folder, folder / "written", [], hide_baseline=False)
    running.__enter__()
    (project / "notes.txt").unlink()
    (project / "train.log").write_text("half")

    restored = restore_interrupted(folder.parent, project)

    assert Restored(("notes.txt",), (("train.log", folder / "kept/train.log"),)) == restored
    assert ("mine", "half") == ((project / "notes.txt").read_text(), (project / "train.log").read_text())
    assert "of yesterday\n" == (folder / "kept/train.log").read_text()
    assert Restored() == restore_interrupted(folder.parent, project)


def test_folders_that_a_run_shuts_are_open_again(project: Path, run_it: Runs) -> None:
    """A new one goes with the run, an old one has its mode back, and what it held is as before."""
    before = contents(project)
    (project / "out").chmod(0o750)

    def act() -> None:
        (project / "train.log").unlink()
        (project / "new/deep").mkdir(parents=True)
        (project / "new").chmod(0)
        (project / "out").chmod(0)

    written = run_it(act)

    assert before == contents(project)
    assert 0o750 == (project / "out").stat().st_mode & 0o777
    assert (written / "new/deep").is_dir()


def test_a_folder_does_not_hide_as_an_environment(project: Path, run_it: Runs) -> None:
    """Those that were there are left alone; one that the run makes is its own."""
    for folder in ("cache", ".venv"):
        (project / folder).mkdir()
    (project / ".venv/pyvenv.cfg").touch()

    def act() -> None:
        for folder in ("cache", ".venv"):
            (project / folder / "pyvenv.cfg").touch()
            (project / folder / "answer").touch()

    run_it(act)

    assert [] == list((project / "cache").iterdir())
    assert (project / ".venv/answer").is_file()


def test_a_repository_that_a_run_removed_is_named(project: Path, run_it: Runs) -> None:
    """It is not copied before each run."""
    (project / ".git").mkdir()

    with pytest.raises(JobError, match=r"^\.git changed while the job ran"):
        run_it((project / ".git").rmdir)


def test_a_project_that_a_run_shuts_is_open_again(project: Path, run_it: Runs) -> None:
    """Its own folder too."""
    before, mode = contents(project), project.stat().st_mode

    run_it(lambda: project.chmod(0))

    assert (before, mode) == (contents(project), project.stat().st_mode)


def test_a_hidden_folder_comes_back_whole(project: Path) -> None:
    """With its empty folders; what the run made in its place goes with the run."""
    folder = project / ".envsnap/runs/0001"
    (project / "out/empty").mkdir()

    with in_place(project, folder, folder / "written", [Path("out")], hide_baseline=True):
        assert not (project / "out").exists()
        (project / "out").mkdir()
        (project / "out/new").touch()

    assert ["empty", "metrics.jsonl"] == sorted(path.name for path in (project / "out").iterdir())
    assert (folder / "written/out/new").is_file()
