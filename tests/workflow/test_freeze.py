"""A freeze removes no recording that a lock still names."""

from pathlib import Path

from envsnap.manifest.job import Job
from envsnap.workflow.lock_file import _locks
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
