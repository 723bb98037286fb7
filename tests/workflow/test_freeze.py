"""What envsnap and the job write is no change of the code."""

from pathlib import Path

from envsnap.manifest.job import Job
from envsnap.workflow.project import own_paths


def test_what_envsnap_and_the_job_write_is_no_change_of_the_code(job: Job, tmp_path: Path) -> None:
    """The lock, the baseline, the work folder and the outputs, also where a link of the project leads to them."""
    own = ("envsnap.lock", "envsnap.baseline", ".envsnap")

    assert (*own, "metrics.json") == own_paths(job, tmp_path)
    assert own == own_paths(None, tmp_path)
    (tmp_path / "metrics.json").symlink_to("results/m.json")
    assert (*own, "metrics.json", "results/m.json") == own_paths(job, tmp_path)
