"""A lock that is not of its project is told before it is committed, with all that does not fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from packaging.requirements import Requirement

from envsnap.errors import InvalidFileError, UsageError
from envsnap.host.files import sha256_file
from envsnap.host.own_places import LOCK
from envsnap.lock.declared import Declared, find_unsatisfied
from envsnap.lock.specification.parsed import Line
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.checkup import Checkup
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import dump_manifest
from envsnap.manifest.manifest import Baseline, Manifest, Profile
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.manifest.specification import Specification
from envsnap.run.baseline import record_baseline
from envsnap.workflow import check as module
from envsnap.workflow.check import CheckRequest, check
from envsnap.workflow.progress import Progress

SETTINGS = """
[job]
command = ["python", "train.py"]
inputs = ["data.csv"]
threads = 2
[[job.outputs]]
path = "metrics.json"
[job.profiles.smoke]
arguments = ["--short"]
inputs = []
"""
OUTPUTS = (JobOutput(path="metrics.json", format="json"),)
JOB = Job(command=("python", "train.py"), inputs=("data.csv",), threads=2, outputs=OUTPUTS)
SMOKE = msgspec.structs.replace(JOB, command=("python", "train.py", "--short"), inputs=())


@pytest.fixture
def baseline(project: Path) -> Baseline:
    """The recorded output of one run."""
    written = project / "written.json"
    written.write_text('{"loss": 0.5}')
    sha256, size = sha256_file(written)
    output = RecordedOutput(path="metrics.json", format="json", file=written, sha256=sha256, size=size)
    return record_baseline([Outcome(outputs=(output,))], project)


@pytest.fixture
def freeze(project: Path, baseline: Baseline, make_manifest: Callable[..., Manifest]) -> Callable[..., None]:
    """Write a project, and the lock that is its own but for what is changed."""
    (project / "envsnap.toml").write_text(SETTINGS)
    (project / "data.csv").write_text("1,2\n")
    (project / "requirements.txt").write_text("tool>=1\nother; python_version < '3'\n-c constraints.txt\n")
    (project / "constraints.txt").write_text("nowhere<2\n")
    sha256, size = sha256_file(project / "data.csv")

    def write(**changes: Any) -> None:
        contents: dict[str, Any] = {
            "job": JOB,
            "baseline": baseline,
            "data": (Datum(path="data.csv", size=size, sha256=sha256),),
            "profiles": {"smoke": Profile(job=SMOKE, baseline=baseline, numerics=make_manifest().contents.numerics)},
        }
        (project / LOCK).write_text(dump_manifest(make_manifest(**(contents | changes))))

    return write


@pytest.fixture
def found(project: Path, progress: Progress) -> Callable[[], dict[str, str]]:
    """Check the project; return what does not fit, by name, and an empty text for what does."""

    def look() -> dict[str, str]:
        checkup = look_at(project, progress)
        return {one.name: "" if one.status == "ok" else one.found for one in checkup.checks}

    return look


def look_at(project: Path, progress: Progress) -> Checkup:
    """Check a project."""
    return check(CheckRequest(folder=project, env={}), progress)


def test_a_lock_of_its_project_fits(project: Path, freeze: Callable[..., None], progress: Progress) -> None:
    """Each question says what was looked at."""
    freeze()

    checkup = look_at(project, progress)

    assert "ok" == checkup.status
    assert {
        "settings": "the job and 1 profile as locked",
        "dependencies": "1 package for 1 requirement of requirements.txt",
        "inputs": "1 input",
        "baseline": "2 files",
    } == {one.name: one.found for one in checkup.checks}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"train.py"]', '"other.py"]', 'job.command was ["python", "train.py"], is ["python", "other.py"]'),
        ("threads = 2", "seed = 3", "job.seed was 0, is 3"),
        ('"--short"', '"--long"', "job.profiles.smoke.command was"),
        ("[job.profiles.smoke]", "[job.profiles.other]", "job.profiles.smoke is locked, and no longer described"),
        ("[job]", "[build]\napt = ['gcc']\n[job]", "build.apt was , is gcc"),
        ("[job]", "[build]\nbase-image = 'python:3.12'\n[job]", "build.base-image was None, is python:3.12"),
        ('path = "metrics.json"', 'path = "m.json"', "job.outputs was"),
    ],
)
def test_settings_that_were_changed_are_named(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]], before: str, after: str, told: str
) -> None:
    """Those of each job, and of the image."""
    freeze(build=BuildSpec())
    assert before in SETTINGS
    (project / "envsnap.toml").write_text(SETTINGS.replace(before, after))

    assert told in found()["settings"]


def test_all_that_does_not_fit_is_told_at_once(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]]
) -> None:
    """A hook that names one thing after the other costs a commit each."""
    freeze()
    (project / "envsnap.toml").write_text(SETTINGS.replace("threads = 2", "threads = 4"))
    (project / "data.csv").write_text("1,3\n")
    (project / "requirements.txt").write_text("tool>=2\nnew\n")
    next(project.glob("envsnap.baseline/*/run-1/metrics.json")).write_text('{"loss": 0.6}')

    problems = found()

    assert "job.threads was 2, is 4; job.profiles.smoke.threads was 2, is 4" == problems["settings"]
    assert "data.csv differs from the lock" in problems["inputs"]
    assert (
        "requirements.txt:1 asks for tool>=2, and the lock has tool 1.0; "
        "requirements.txt:2 asks for new, and the lock has no new"
    ) == problems["dependencies"]
    assert "is not the file that envsnap.lock pins" in problems["baseline"]


def test_what_is_missing_is_named(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]]
) -> None:
    """A clone without its data, or whose baseline git ignores."""
    freeze()
    (project / "data.csv").unlink()
    next(project.glob("envsnap.baseline/*/run-1/metrics.json")).unlink()

    problems = found()

    assert "input 'data.csv' matches nothing" in problems["inputs"]
    assert "metrics.json is missing or cut" in problems["baseline"]
    assert "" == problems["settings"]


@pytest.mark.parametrize("evidence", ["working-tree", "repacked", "direct-url"])
def test_a_package_without_a_version_of_an_index_counts_by_the_installed_one(
    make_manifest: Callable[..., Manifest], evidence: Any
) -> None:
    """One from git or a folder, and the project's own code: its entry has the version in what was installed."""
    (tool,) = make_manifest().contents.packages
    installed = msgspec.structs.replace(tool.installed, evidence=evidence, version="1.2")
    contents = make_manifest(packages=(msgspec.structs.replace(tool, version=None, installed=installed),)).contents

    def asking(text: str) -> list[str]:
        line = Line(text=text, where="requirements.txt:1", requirement=Requirement(text))
        return list(find_unsatisfied(Declared(("requirements.txt",), (line,)), contents))

    assert [] == asking("tool>=1")
    assert ["requirements.txt:1 asks for tool>=2, and the lock has tool 1.2"] == asking("tool>=2")


def test_large_folders_are_held_to_the_size_of_their_files(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was added or cut is told."""
    monkeypatch.setattr(module, "CHEAP_BYTES", 3)
    (project / "data" / "deep").mkdir(parents=True)
    (project / "data" / "deep" / "a").write_text("12345")
    freeze(data=(Datum(path="data", size=5, sha256="ab" * 32, files=1),))
    assert "" == found()["inputs"]

    (project / "data" / "b").write_text("6")
    assert "data has 6 bytes, not 5" == found()["inputs"]


def test_large_inputs_are_held_to_their_size(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook has no minute to hash them."""
    freeze()
    monkeypatch.setattr(module, "CHEAP_BYTES", 3)
    (project / "data.csv").write_text("9,9\n")
    assert "" == found()["inputs"]

    (project / "data.csv").write_text("9,9,9\n")
    assert "data.csv has 6 bytes, not 4" == found()["inputs"]

    (project / "data.csv").unlink()
    assert "data.csv is missing" == found()["inputs"]


def test_a_specification_counts_in_the_place_of_what_is_declared(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]]
) -> None:
    """It tells more: the file that the packages were resolved from."""
    (project / "asked.in").write_text("tool\n")
    freeze(
        specification=Specification(path="asked.in", format="requirements", sha256=sha256_file(project / "asked.in")[0])
    )
    assert "" == found()["dependencies"]

    (project / "asked.in").write_text("tool>2\n")
    assert "asked.in is not as it was" == found()["dependencies"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[project]\nname = 'p'\nrequires-python = '>=3.12'\n", "is for Python >=3.12, and the lock has 3.11.7"),
        ("[project]\nname = 'p'\nrequires-python = 'three'\n", "project.requires-python"),
        (
            "[project]\nname = 'p'\ndependencies = ['tool<1']\n",
            "pyproject.toml asks for tool<1, and the lock has tool 1.0",
        ),
        ("[project]\nname = 'p'\ndependencies = ['tool <']\n", "'tool <' is no requirement"),
        ("[project]\nname = 'p'\ndependencies = ['Tool[x]>=0.9', 'a; os_name == \"nt\"']\n", ""),
        ("[project]\nname = 'p'\ndynamic = ['dependencies']\n", ""),
        ("[tool.other]\n", ""),
        ("[project", "not valid TOML"),
    ],
)
def test_a_project_declares_what_it_needs(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]], text: str, told: str
) -> None:
    """Names are normalised, markers hold for the locked interpreter."""
    freeze()
    (project / "pyproject.toml").write_text(text)

    problems = found()["dependencies"]

    assert told in problems
    assert bool(told) == bool(problems)


def test_many_problems_are_counted(
    project: Path, freeze: Callable[..., None], found: Callable[[], dict[str, str]]
) -> None:
    """A page is no help."""
    freeze()
    (project / "requirements.txt").write_text("".join(f"missing-{number}\n" for number in range(50)))

    assert found()["dependencies"].endswith("and the lock has no missing-19; 30 more")


def test_without_a_sound_lock_there_is_nothing_to_check(
    project: Path, freeze: Callable[..., None], progress: Progress
) -> None:
    """None, or an edited one."""
    with pytest.raises(UsageError, match="envsnap freeze"):
        look_at(project, progress)
    freeze()
    (project / LOCK).write_text((project / LOCK).read_text().replace('"train.py"', '"pain.py"'))
    with pytest.raises(InvalidFileError):
        look_at(project, progress)


def test_nothing_is_written(project: Path, freeze: Callable[..., None], progress: Progress) -> None:
    """A hook that changes files fails the commit."""
    freeze()
    before = sorted(project.rglob("*"))

    look_at(project, progress)

    assert before == sorted(project.rglob("*"))
