"""Each folder on the search path says how it got there; one that cannot be read says why."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envsnap import inside
from envsnap.inside.probe.document import MARKER

pytestmark = pytest.mark.processes


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment without pip."""
    return make_venv(tmp_path / "venv")


def make_venv(folder: Path, *options: str) -> Path:
    """Make a virtual environment without pip."""
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", *options, str(folder)), check=True)
    return folder


def site(venv: Path) -> Path:
    """Return its site-packages."""
    return next(venv.glob("lib/python*")) / "site-packages"


def probe(venv: Path, **variables: str) -> dict[str, dict[str, str]]:
    """Return the roots that the probe finds, by path."""
    env = {"PATH": os.defpath, "HOME": str(venv.parent / "home")} | variables
    done = subprocess.run(
        (venv / "bin/python", inside.START, "probe.py"), env=env, capture_output=True, text=True, check=True
    )
    document = json.loads(done.stdout.rpartition(MARKER)[2])
    return {root["path"]: root for root in document["roots"]}


def test_every_way_onto_the_path_is_told(venv: Path, tmp_path: Path) -> None:
    """The environment's own folder, PYTHONPATH, a ``.pth`` file, and code in a ``.pth`` file, which hides its doing."""
    for name in ("named", "listed", "home/src"):
        (tmp_path / name).mkdir(parents=True)
    (site(venv) / "a.pth").write_text(f"# a comment\n{tmp_path / 'listed'}\nimport sys; sys.path.append('/usr')\n")

    found = probe(venv, PYTHONPATH=f"{tmp_path / 'named'}{os.pathsep}{tmp_path / 'home/src'}")

    expected = {site(venv): "site-packages", tmp_path / "named": "pythonpath", tmp_path / "listed": "pth"}
    expected |= {Path(os.__file__).parent: "standard-library", Path("/usr"): "other"}
    assert {str(path): origin for path, origin in expected.items()}.items() <= {
        path: root["origin"] for path, root in found.items()
    }.items()
    assert ("src", "") == (found[str(tmp_path / "home/src")]["below-home"], found[str(site(venv))]["below-home"])


def test_the_base_and_the_user_have_folders_of_their_own(tmp_path: Path) -> None:
    """``--system-site-packages`` shows both."""
    venv = make_venv(tmp_path / "venv", "--system-site-packages")
    user = tmp_path / "home/.local" / site(venv).relative_to(venv)
    user.mkdir(parents=True)

    found = probe(venv)

    assert "user-site" == found[str(user)]["origin"]
    assert "base" in {root["origin"] for root in found.values()}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nowhere", "it is a broken link"),
        ("site-packages", "Too many levels of symbolic links"),
        ("/dev/null", "folder"),
    ],
)
def test_a_folder_that_is_none_says_why(venv: Path, target: str, problem: str) -> None:
    """Python leaves it out of its search path without a word."""
    site(venv).rmdir()
    site(venv).symlink_to(target)

    found = probe(venv)[str(site(venv))]

    assert "site-packages" == found["origin"]
    assert problem in found["problem"]
