"""``envsnap check``: its exit codes, its page, and that it is quick."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LOCKS = Path(__file__).parent.parent / "e2e" / "locks"
OLD = "1.3"

pytestmark = pytest.mark.processes


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a lock that a former envsnap wrote."""
    for name in ("data.csv", "envsnap.toml", "train.py.txt"):
        shutil.copy(LOCKS / name, tmp_path / name.removesuffix(".txt"))
    shutil.copy(LOCKS / f"envsnap-{OLD}.lock", tmp_path / "envsnap.lock")
    shutil.copytree(LOCKS / "baseline", tmp_path / "envsnap.baseline")
    return tmp_path


def check(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a hook does."""
    command = [sys.executable, "-m", "envsnap", "check", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)


def test_a_lock_that_fits_ends_with_0(project: Path) -> None:
    """And says what was looked at."""
    done = check(project)

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("ok  settings: the job as locked\n")
    assert done.stdout.endswith("\nenvsnap.lock 35424ea256b1 fits the project\n")


@pytest.mark.parametrize(
    ("name", "before", "after", "code", "told"),
    [
        ("data.csv", "1", "2", 6, "does not fit the project: inputs"),
        ("envsnap.toml", "seed = 7", "seed = 8", 5, "does not fit the project: settings"),
        ("envsnap.lock", "cpython", "pypy", 2, "digest"),
        ("envsnap.toml", "seed = 7", "sed = 7", 2, "did you mean 'seed'?"),
    ],
)
def test_each_kind_of_problem_has_its_code(
    project: Path, name: str, before: str, after: str, code: int, told: str
) -> None:
    """As verify would end."""
    text = (project / name).read_text()
    assert before in text
    (project / name).write_text(text.replace(before, after))

    done = check(project)

    assert code == done.returncode
    assert told in " ".join((done.stdout + done.stderr).split())


def test_all_of_it_is_there_for_programs(project: Path) -> None:
    """Each question with its answer."""
    (project / "data.csv").unlink()

    document = json.loads(check(project, "--json").stdout)

    found = {one["name"]: one["status"] for one in document["result"]["checks"]}
    assert {"settings": "ok", "dependencies": "ok", "inputs": "fail", "baseline": "ok"} == found
    assert 6 == document["exit-code"]


def test_text_of_a_lock_reaches_no_terminal_as_it_is(project: Path) -> None:
    """A stranger's clone."""
    settings = project / "envsnap.toml"
    settings.write_text(settings.read_text().replace("train.py", "\\u001b[2Jtrain.py"))

    assert "\x1b" not in check(project).stdout
