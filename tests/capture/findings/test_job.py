"""What a job's run is told of: undeclared inputs, generators without a seed, TF32."""

import sys
import time
from pathlib import Path

import pytest

from envsnap.capture.data import CapturedData, capture_data
from envsnap.capture.findings.job import MOST_FINDINGS, job_findings
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.finding import KINDS, Finding
from envsnap.manifest.job import Datum, Job
from envsnap.manifest.observation import Observation, OpenedFile, UnseededGenerator
from envsnap.run.job import Run, run_job

PROJECT = Path("/project")


def read(*paths: str) -> Observation:
    return Observation(python="3.11.7", opened=tuple(OpenedFile(path=path, real=path, size=3) for path in paths))


def subjects(observation: Observation, *declared: str, outputs: tuple[str, ...] = ()) -> list[str]:
    data = CapturedData(data=tuple(Datum(path=path, size=1, sha256="ab" * 32) for path in declared))
    found = job_findings(observation, declared=data, outputs=outputs, project=PROJECT)
    assert all(finding.kind in KINDS for finding in found)
    return [finding.subject for finding in found]


def test_an_undeclared_file_is_named_with_what_to_know() -> None:
    """Inside of the project and outside of it are not the same to a reader."""
    found = job_findings(read("config.yaml", "/mnt/data.csv"), declared=CapturedData(), outputs=(), project=PROJECT)

    assert (
        Finding(
            kind="undeclared-input",
            subject="/mnt/data.csv",
            detail="the job read it (3 bytes); job.inputs does not name it, and it lies outside of the project",
        ),
        Finding(
            kind="undeclared-input",
            subject="config.yaml",
            detail="the job read it (3 bytes); job.inputs does not name it; it lies in the project's folder",
        ),
    ) == found


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ("data/a.csv", "data/a.csv"),
        ("data", "data/deep/a.csv"),
        ("./data", "data/a.csv"),
        ("/project/data", "data/a.csv"),
        ("/mnt/set", "/mnt/set/a.csv"),
        ("../shared/a.csv", "/shared/a.csv"),
        (".", "data/a.csv"),
    ],
)
def test_declared_inputs_and_what_they_hold_are_none(declared: str, path: str) -> None:
    """However they are spelt."""
    assert [] == subjects(read(path), declared)


@pytest.mark.parametrize(("declared", "path"), [("data", "database.csv"), ("data/a.csv", "data/b.csv")])
def test_a_name_that_only_begins_alike_is_another(declared: str, path: str) -> None:
    """A folder's name counts as a whole."""
    assert [path] == subjects(read(path), declared)


def test_outputs_and_the_projects_own_files_are_no_inputs() -> None:
    """A job may resume from what it wrote."""
    assert [] == subjects(read("model.npz", "envsnap.toml"), outputs=("./model.npz",))


def test_many_files_of_a_folder_are_one_finding() -> None:
    """A reader needs the folder, not its files."""
    files = [f"images/{number}.png" for number in range(8)]

    assert ["images/"] == subjects(read(*files))


def test_findings_are_capped_and_counted() -> None:
    """The lock stays small."""
    found = subjects(read(*(f"folder{number}/a.csv" for number in range(MOST_FINDINGS + 7))))

    assert MOST_FINDINGS + 1 == len(found)
    assert "others" in found


def test_one_place_is_told_once() -> None:
    """numpy.random.seed() shows twice: as itself and as what draws entropy."""
    generators = tuple(
        UnseededGenerator(place="train.py:3", call=call) for call in ("numpy.random generator", "numpy.random.seed()")
    )
    (finding,) = job_findings(
        Observation(python="3.11.7", unseeded=generators), declared=CapturedData(), outputs=(), project=PROJECT
    )

    assert ("unseeded-generator", "train.py:3") == (finding.kind, finding.subject)
    assert finding.detail.startswith("numpy.random generator, numpy.random.seed() got no seed")


@pytest.mark.processes
def test_a_real_job_is_told_of(tmp_path: Path) -> None:
    """A declared link and folder are known by whatever name; an undeclared file and a bare generator are found."""
    project, store = tmp_path / "project", tmp_path / "store"
    (project / "data").mkdir(parents=True)
    store.mkdir()
    (store / "big.csv").write_text("1\n")
    (project / "data" / "big.csv").symlink_to(store / "big.csv")
    (project / "config.yaml").write_text("lr: 1\n")
    (project / "train.py").write_text(
        "import os, numpy\n"
        "open('data/big.csv'); open(os.path.realpath('data/big.csv')); open('config.yaml')\n"
        "print(numpy.random.default_rng().random(), file=open('out.txt', 'w'))\n"
    )
    declared = capture_data(("data/*.csv",), project)
    time.sleep(0.02)
    job = Job(command=("python", "train.py"), seed=1, threads=1, timeout_seconds=60)
    environment = LocalEnvironment(Path(sys.executable))

    outcome = run_job(environment, job, Run(project=project, folder=tmp_path / "run"))

    assert outcome.observation is not None
    found = job_findings(outcome.observation, declared=declared, outputs=(), project=project)
    assert [("undeclared-input", "config.yaml"), ("unseeded-generator", "train.py:3")] == [
        (finding.kind, finding.subject) for finding in found
    ]
