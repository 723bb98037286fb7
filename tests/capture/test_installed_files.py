"""Every installed file is held against its record: what was edited, removed or added by hand is named, and no other."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from conda_channel import Place

from envsnap.capture.environment import capture_environment
from envsnap.capture.installed_files import FileCheck, capture_installed_files
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.finding import KINDS

pytestmark = pytest.mark.processes


def check(place: Place) -> FileCheck:
    """Hash what is installed there."""
    environment = LocalEnvironment(place.python)
    return capture_installed_files(environment, place.prefix, place.capture().packages)


def told(found: FileCheck) -> list[tuple[str, str]]:
    """Kind and subject of each finding."""
    return [(finding.kind, finding.subject) for finding in found.findings]


@pytest.fixture
def place(make_place: Any, make_wheel: Any) -> Place:
    """An environment with one package of three modules and a script."""
    made: Place = make_place()
    files = {
        "alpha/__init__.py": "",
        "alpha/core.py": "x = 1\n",
        "alpha/extra.py": "y = 1\n",
        "alpha-1.0.data/scripts/run-alpha": "#!python\nprint(1)\n",
    }
    made.uv(str(make_wheel("alpha", "1.0", files)))
    return made


def test_an_untouched_environment_has_no_findings(place: Place) -> None:
    """Nor has one whose modules were compiled: caches are not files of the package. A rewritten script is as noted."""
    (place.site / "alpha/__pycache__").mkdir()
    (place.site / "alpha/__pycache__/core.cpython-311.pyc").write_bytes(b"x")

    found = check(place)

    assert ([], ()) == (told(found), found.not_captured)
    assert found.files >= 6


def test_edited_missing_and_extra_files_are_named(place: Place) -> None:
    """An edit that keeps size and time too."""
    core = place.site / "alpha/core.py"
    status = core.stat()
    core.unlink()  # uv may have made it a link to its cache
    core.write_text("x = 2\n")
    os.utime(core, ns=(status.st_atime_ns, status.st_mtime_ns))
    (place.site / "alpha/extra.py").unlink()
    (place.site / "alpha/patched.py").touch()

    assert [
        ("edited-file", "alpha: alpha/core.py"),
        ("extra-file", "alpha: alpha/patched.py"),
        ("missing-file", "alpha: alpha/extra.py"),
    ] == told(check(place))


def test_a_record_leads_nowhere_else_and_a_pipe_holds_nothing(place: Place, tmp_path: Path) -> None:
    """RECORD is untrusted: rows that leave the environment are named and not read; a pipe is no file."""
    (tmp_path / "secret").write_text("s")
    core = place.site / "alpha/core.py"
    core.unlink()
    os.mkfifo(core)
    record = place.site / "alpha-1.0.dist-info/RECORD"
    text = record.read_text() + f"../../../../secret,sha256=x,1\n{tmp_path}/secret,sha256=x,1\n"
    record.unlink()
    record.write_text(text)

    found = check(place)

    assert {finding.kind for finding in found.findings} <= KINDS.keys()
    assert {"edited-file", "outside-file"} <= {finding.kind for finding in found.findings}


def test_many_files_of_one_package_are_counted(place: Place) -> None:
    """Twenty are named, then one finding counts the rest."""
    for number in range(30):
        (place.site / f"alpha/added{number:02}.py").touch()

    found = [finding for finding in check(place).findings if finding.kind == "extra-file"]

    assert 21 == len(found)
    assert "10 more of its files" in {finding.detail for finding in found}


def test_real_packages_are_as_their_installer_recorded_them() -> None:
    """The environment of these tests: scripts, data files and extension modules of a hundred packages."""
    environment = LocalEnvironment(Path(sys.executable))
    packages = capture_environment(environment, Path.cwd()).packages

    found = capture_installed_files(environment, Path.cwd(), packages)

    assert [] == told(found)
    assert found.files > 1000
