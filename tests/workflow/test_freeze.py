"""What envsnap and the job write is no change of the code."""

from envsnap.manifest.job import Job
from envsnap.workflow.project import own_paths


def test_what_envsnap_and_the_job_write_is_no_change_of_the_code(job: Job) -> None:
    """The lock, the baseline, the work folder and the outputs."""
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap", "metrics.json") == own_paths(job)
    assert ("envsnap.lock", "envsnap.baseline", ".envsnap") == own_paths(None)
