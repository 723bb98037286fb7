"""What the probe says is kept for the next probe, unless it can change without a trace."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsnap.capture.known_packages import KnownPackages
from envsnap.capture.packages import ProbedPackage
from envsnap.capture.probe import probe_environment
from envsnap.workflow.probing import CaptureRequest, begin_probe

OLD = time.time_ns() - 60 * 10**9
DEMO = ProbedPackage(
    name="demo",
    version="1.0",
    root="/site",
    folder="demo.dist-info",
    first_file="demo.py",
    state="1 2 3",
    newest=OLD,
)


def kept(project: Path) -> dict[str, dict[str, object]]:
    """Return what is kept."""
    path = KnownPackages(project).path
    return dict(json.loads(path.read_bytes())["packages"]) if path.exists() else {}


def test_a_sound_description_is_kept(tmp_path: Path) -> None:
    """In the words of the probe, which gets it back; the folder ignores itself in git."""
    KnownPackages(tmp_path).remember([DEMO])

    assert ["/site/demo.dist-info"] == list(kept(tmp_path))
    assert ("demo", "1 2 3") == tuple(kept(tmp_path)["/site/demo.dist-info"][key] for key in ("name", "state"))
    assert "*\n" == (tmp_path / ".envsnap" / ".gitignore").read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"problem": "no RECORD"},
        {"unreadable": ("WHEEL",)},
        {"owner": "dpkg"},
        {"sampled": 3},
        {"state": ""},
        {"first_file": ""},
        {"direct_url": '{"url": "https://user:secret@git.example/demo.git"}'},
        {"provenance_url": '{"url": "https://user:secret@index.example/demo.whl"}'},
        {"newest": time.time_ns() + 10**12},
    ],
    ids=str,
)
def test_what_may_change_unseen_is_not_kept(tmp_path: Path, change: dict[str, object]) -> None:
    """The probe reads it again."""
    KnownPackages(tmp_path).remember([replace(DEMO, **change)])

    assert {} == kept(tmp_path)


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """The lock is right without the cache."""
    (tmp_path / ".envsnap").write_text("in the way")

    KnownPackages(tmp_path).remember([DEMO])

    assert "in the way" == (tmp_path / ".envsnap").read_text()


@pytest.mark.processes
def test_the_second_probe_says_what_the_first_said(tmp_path: Path) -> None:
    """Of this interpreter's own environment."""
    request = CaptureRequest(folder=tmp_path, env=dict(os.environ), python=Path(sys.executable))

    said = []
    for _ in range(2):
        with begin_probe(request) as probing:
            assert probing is not None
            answer = probing.answer.result()
            said.append(probe_environment(probing.environment, tmp_path, answer).packages)
            probing.known.remember(said[-1])

    assert len(kept(tmp_path)) > 20
    assert said[0] == said[1]
