"""What DVC and Git LFS record of an input is told, and an input that is not that version is named."""

import hashlib
from pathlib import Path

import pytest

from envsnap.capture.data import capture_data
from envsnap.capture.tracked_inputs import describe_tracked
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Datum

TEXT = "a,b\n1,2\n"
MD5 = hashlib.md5(TEXT.encode()).hexdigest()  # noqa: S324 - DVC's own
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 123456\n"


def described(project: Path) -> tuple[Datum, tuple[Finding, ...]]:
    """The one input of these projects."""
    (datum,), findings = describe_tracked(capture_data(["data/x.csv"], project), project)
    return datum, findings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one input."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x.csv").write_text(TEXT)
    return tmp_path


def test_an_input_without_a_tracker_is_as_it_is(project: Path) -> None:
    """Nothing is added, nothing is found."""
    datum, findings = described(project)

    assert ("", "", ()) == (datum.tracked_by, datum.tracked_hash, findings)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data/x.csv.dvc", "outs:\n- md5: {md5}\n  size: 8\n  hash: md5\n  path: x.csv\n"),
        (
            "dvc.lock",
            "schema: '2.0'\nstages:\n  get:\n    cmd: get\n    outs:\n    - path: data/x.csv\n      md5: {md5}\n",
        ),
    ],
)
def test_dvcs_version_is_recorded_and_checked(project: Path, name: str, text: str) -> None:
    """The hash is DVC's; another file under the same name is a finding."""
    (project / name).write_text(text.format(md5=MD5))

    datum, fine = described(project)
    (project / "data/x.csv").write_text("a,b\n1,3\n")
    _, (other,) = described(project)

    assert ("dvc", MD5, ()) == (datum.tracked_by, datum.tracked_hash, fine)
    assert ("tracked-input", "data/x.csv") == (other.kind, other.subject)


@pytest.mark.parametrize(
    "text", ["", "[", "outs: 3", "outs: [{path: 3}, x]", "a: &a [*a]", "!!python/object:os.system {}"]
)
def test_a_damaged_dvc_file_records_nothing(project: Path, text: str) -> None:
    """It is untrusted: nothing in it is executed."""
    (project / "data/x.csv.dvc").write_text(text)

    assert ("", ()) == (described(project)[0].tracked_by, described(project)[1])


def test_a_pointer_of_git_lfs_is_named(project: Path) -> None:
    """A job that reads it reads no data."""
    (project / "data/x.csv").write_text(POINTER)

    _, (finding,) = described(project)

    assert ("lfs-pointer", "a pointer to 123,456 bytes (oid abababababab): run 'git lfs pull'") == (
        finding.kind,
        finding.detail,
    )
