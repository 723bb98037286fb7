"""A run that sees an overlay of the project finds nothing of the runs before it, and leaves nothing behind."""

import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.environment import Completed
from envsnap.errors import JobError, OverlayRefusedError
from envsnap.host import process
from envsnap.host.overlay import Overlay
from envsnap.manifest.lockfile import HEADER
from envsnap.run.overlaid import run_overlaid

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("needs_overlay")]
Shell = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("envsnap.baseline/abcd/run-1/m.json", ".envsnap/runs/0000/written/m.json", ".envsnap/build.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    (folder / "m.json").write_text("former")
    (folder / "train.log").write_text("of yesterday\n")
    (folder / "envsnap.lock").write_text(f"{HEADER}secret")
    (folder / "other.lock").write_text("the user's own\n")
    return folder


@pytest.fixture
def shell(project: Path) -> Shell:
    """Run a shell's words as the job of a run; return the folder with what it wrote."""

    def run(words: str) -> Path:
        folder = project / ".envsnap/runs/0001"
        folder.mkdir()

        def execute(reports: Path, overlay: Overlay | None) -> Completed:
            env = {"PATH": os.environ["PATH"], "REPORTS": str(reports)}
            return process.run(("sh", "-ec", words), cwd=project, env=env, overlay=overlay)

        done = run_overlaid(project, folder, [Path("m.json")], sys.executable, execute)
        assert done.exit_code == 0, done.stderr
        return folder / "written"

    return run


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every path of a project but the run's own, with mode and bytes."""
    paths = [path for path in folder.rglob("*") if "0001" not in path.parts]
    return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}


def test_a_run_sees_the_project_without_what_is_not_its_own(project: Path, shell: Shell) -> None:
    """No baseline, no lock with its digests, no runs, no notes, no former output; its folder for reports alone."""
    written = shell("find . -mindepth 1 | sort > found; pwd >> found")

    lines = (written / "found").read_text().splitlines()
    assert ["./.envsnap", "./.envsnap/reports", "./found", "./other.lock", "./train.log", str(project)] == lines


def test_a_run_leaves_the_project_as_it_was(project: Path, shell: Shell) -> None:
    """What it made and changed lies in its folder, as plain files and folders."""
    before = state(project)

    written = shell(
        "echo new > m.json; mkdir -p logs/version_0; echo 1 > logs/version_0/x; echo today >> train.log;"
        "mkfifo pipe; ln -s /etc/passwd link; chmod 000 logs; echo r > $REPORTS/observed-1-1.json"
    )

    assert before == state(project)
    assert ["link", "logs", "m.json", "train.log"] == sorted(path.name for path in written.iterdir())
    assert "1\n" == (written / "logs/version_0/x").read_text()
    assert "of yesterday\ntoday\n" == (written / "train.log").read_text()
    assert "r\n" == (written.parent / "reports/observed-1-1.json").read_text()
    assert not (written.parent / "work").exists()


def test_a_file_that_a_run_removed_is_not_there_for_it_alone(project: Path, shell: Shell) -> None:
    """No device file of the kernel's stays in the run's folder."""
    written = shell("rm train.log; test ! -e train.log")

    assert (project / "train.log").is_file()
    assert not [path for path in written.rglob("*") if stat.S_ISCHR(path.lstat().st_mode)]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("mkdir envsnap.baseline; echo x > envsnap.baseline/y", r"envsnap\.baseline"),
        ("echo x > .envsnap/build.json", r"\.envsnap/build\.json"),
        ("mkdir -p .envsnap/runs/0009", r"\.envsnap/runs"),
        ("rm -r .envsnap; ln -s /tmp .envsnap", r"\.envsnap"),
    ],
)
def test_a_run_that_writes_what_is_envsnaps_own_fails(project: Path, shell: Shell, words: str, named: str) -> None:
    """The file is named, and what stands there is untouched."""
    before = state(project)

    with pytest.raises(JobError, match=f"the job wrote {named}, which is envsnap's own"):
        shell(words)

    assert before == state(project)


def test_reports_behind_a_link_are_not_taken(shell: Shell, tmp_path: Path) -> None:
    """The job put a link in their place."""
    (tmp_path / "elsewhere").mkdir()

    written = shell(f"rm -r .envsnap/reports; ln -s {tmp_path}/elsewhere .envsnap/reports")

    assert not (written.parent / "reports").exists()
    assert (tmp_path / "elsewhere").is_dir()


def test_what_a_run_does_to_gits_folder_is_forgotten(project: Path, shell: Shell) -> None:
    """Hooks and configuration are programs that git would run."""
    (project / ".git/hooks").mkdir(parents=True)

    written = shell("echo hostile > .git/hooks/post-checkout; echo hostile > .git/config")

    assert not (written / ".git").exists()
    assert [] == list((project / ".git/hooks").iterdir())


def test_the_environment_in_the_work_space_is_seen(project: Path) -> None:
    """A job of a rebuilt virtual environment runs in there; what it writes to it is forgotten."""
    python = project / ".envsnap/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho $* > seen; touch .envsnap/venv/more\n")
    python.chmod(0o755)
    folder = project / ".envsnap/runs/0001"
    folder.mkdir()

    def execute(_reports: Path, overlay: Overlay | None) -> Completed:
        return process.run((str(python), "hello"), cwd=project, env={"PATH": os.defpath}, overlay=overlay)

    run_overlaid(project, folder, [], str(python), execute)

    assert "hello\n" == (folder / "written/seen").read_text()
    assert not (project / ".envsnap/venv/more").exists()


def test_a_refusal_leaves_the_folder_for_another_way(project: Path) -> None:
    """Nothing was run, and nothing lies in the folder of the run."""
    folder = project / ".envsnap/runs/0001"
    folder.mkdir()

    def execute(_reports: Path, _overlay: Overlay | None) -> Completed:
        raise OverlayRefusedError("not here")

    with pytest.raises(OverlayRefusedError):
        run_overlaid(project, folder, [], sys.executable, execute)
    assert [] == list(folder.iterdir())


def test_a_name_with_commas_and_colons_is_a_name(tmp_path: Path) -> None:
    """They separate the options of a mount."""
    project = tmp_path / "a,b:c d"
    (project / ".envsnap/runs/0001").mkdir(parents=True)

    def execute(_reports: Path, overlay: Overlay | None) -> Completed:
        return process.run(("sh", "-c", "pwd > m.json"), cwd=project, env={"PATH": os.defpath}, overlay=overlay)

    run_overlaid(project, project / ".envsnap/runs/0001", [], sys.executable, execute)

    assert f"{project}\n" == (project / ".envsnap/runs/0001/written/m.json").read_text()
    assert not (project / "m.json").exists()
    shutil.rmtree(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="for a user the kernel renames no folder of the lower one")
def test_a_folder_that_was_there_can_be_renamed(project: Path, shell: Shell) -> None:
    """Checkpoints are rotated so; what is written to it afterwards is the run's."""
    (project / "ck").mkdir()
    (project / "ck/weights").write_text("former")

    written = shell(
        'python3 -c \'import os; os.rename("ck", "ck.old")\'; test -e ck.old/weights; echo new > ck.old/more'
    )

    assert "former" == (project / "ck/weights").read_text()
    assert "new\n" == (written / "ck.old/more").read_text()


def test_places_within_hidden_places_are_hidden_once(project: Path) -> None:
    """A folder that is hidden, and an output in it that another name leads to."""
    (project / "out/deep").mkdir(parents=True)
    (project / "out").chmod(0o555)
    overlay = Overlay(project, project / ".envsnap/runs/0001/written", project / ".envsnap/runs/0001/work")
    overlay.make()

    for place in ("out/deep", "out/deep", "out", "out/deep/m.json"):
        overlay.hide(Path(place))

    overlay.settle()
    assert [] == [path for path in overlay.upper.rglob("*") if not path.is_dir()]


def test_a_run_that_shuts_its_folder_is_taken_over(project: Path, shell: Shell) -> None:
    """Also by a user who may not look into it then."""
    before = state(project)

    written = shell("echo new > m.json; chmod 000 .")

    assert before == state(project)
    assert "new\n" == (written / "m.json").read_text()
