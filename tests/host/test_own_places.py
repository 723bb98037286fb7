"""No command writes, reads or empties a folder of the user's through a link in a project."""

from pathlib import Path

import pytest

from envsnap.errors import UsageError
from envsnap.host.own_places import refuse_links

LINKED = [
    ".envsnap", ".envsnap/busy", ".envsnap/build.json", ".envsnap/cache", ".envsnap/cache/artefacts.json",
    ".envsnap/context", ".envsnap/venv", ".envsnap/wheels", ".envsnap/wheels/demo.whl", ".envsnap/runs",
    ".envsnap/runs/0001", ".envsnap/runs/0001/before", ".envsnap/runs/0001/outputs", ".envsnap/runs/0001/unfinished",
    "envsnap.baseline", "envsnap.baseline/inputs", "envsnap.baseline/inputs/ab.txt", "envsnap.baseline/abcd",
    "envsnap.baseline/abcd/run-1", "envsnap.baseline/abcd/run-1/metrics.json",
]  # fmt: skip


@pytest.mark.parametrize("linked", LINKED)
def test_a_link_is_refused_by_its_name(tmp_path: Path, linked: str) -> None:
    """And nothing behind it is touched."""
    project, mine = tmp_path / "project", tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    (project / linked).parent.mkdir(parents=True)
    (project / linked).symlink_to(mine)

    with pytest.raises(UsageError, match=f"{linked} is a link to {mine}") as caught:
        refuse_links(project)

    assert 2 == caught.value.exit_code
    assert "years of work" == (mine / "thesis.txt").read_text()


def test_what_stands_there_otherwise_is_no_link(tmp_path: Path) -> None:
    """A virtual environment has links of its own, and so may a job's outputs have."""
    for folder in (".envsnap/venv/bin", ".envsnap/runs/0001/before/checkpoints", "envsnap.baseline/abcd/run-1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".envsnap/venv/bin/python").symlink_to("/usr/bin/python3")
    (tmp_path / ".envsnap/runs/0001/before/checkpoints/best").symlink_to("step-10")
    (tmp_path / "envsnap.lock").symlink_to("elsewhere.lock")

    refuse_links(tmp_path)
