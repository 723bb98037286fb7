"""A freeze removes no recording that a lock still names, and trusts a former lock only as it wrote it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import dump_manifest, written_digest
from envsnap.manifest.manifest import Manifest
from envsnap.workflow.freeze import _locks, _mark, _own_text, _write
from envsnap.workflow.project import own_paths


def test_every_lock_of_the_project_counts(project: Path) -> None:
    """The one that was written may lie elsewhere; what only looks like a lock is passed over."""
    written = project.parent / "elsewhere.lock"
    for path in (written, project / "envsnap.lock", project / "gpu.lock"):
        path.write_text(path.name)
    (project / "folder.lock").mkdir()
    (project / ".#editor.lock").symlink_to("nowhere")

    assert {"elsewhere.lock", "envsnap.lock", "gpu.lock"} == set(_locks(project, written))


def test_what_envsnap_and_the_job_write_is_no_change_of_the_code(job: Job) -> None:
    """The lock, the baseline, the work folder and the outputs."""
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap", "metrics.json") == own_paths(job)
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap") == own_paths(None)


def test_a_former_lock_that_was_not_touched_is_known(project: Path, make_manifest: Callable[..., Manifest]) -> None:
    """What is written over it is what would be written anew."""
    manifest, path = make_manifest(), project / "envsnap.lock"
    _write(path, manifest, "", project)
    former = _own_text(path, project)

    _write(path, manifest, former, project)

    assert dump_manifest(manifest) == path.read_text() == former
    assert manifest.snapshot.digest == written_digest(former, manifest.snapshot.created_by)


@pytest.mark.parametrize(
    "change",
    [
        lambda path, _mark: path.write_text(path.read_text().replace("python", "pithon")),
        lambda path, _mark: path.unlink(),
        lambda _path, mark: mark.unlink(),
        lambda _path, mark: mark.write_text(mark.read_text()[:-1]),
        lambda _path, mark: mark.write_bytes(b"\xff"),
    ],
    ids=["edited", "removed", "no-mark", "mark-cut-off", "mark-damaged"],
)
def test_a_former_lock_that_was_touched_is_not_trusted(
    project: Path, make_manifest: Callable[..., Manifest], change: Callable[[Path, Path], object]
) -> None:
    """It is written anew from what was captured."""
    manifest, path = make_manifest(), project / "envsnap.lock"
    _write(path, manifest, "", project)

    change(path, _mark(project))

    assert "" == _own_text(path, project)
