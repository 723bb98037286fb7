"""What is captured is chosen before anything is written, and a job that holds a secret is refused."""

import pytest

from envsnap.errors import UsageError
from envsnap.manifest.job import Job
from envsnap.workflow.subject import refuse_secrets

TOKEN = "hf_" + "aB3dE6gH9j" * 4


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Job(command=("python",), threads=1, env={"HF_TOKEN": TOKEN}), r"job\.env sets HF_TOKEN.*pass-env"),
        (Job(command=("python", "train.py", f"--token={TOKEN}"), threads=1), r"job\.command holds what looks like"),
    ],
)
def test_a_secret_in_the_jobs_description_is_refused(job: Job, message: str) -> None:
    """It would stand in the lock; the message says where, and not what."""
    with pytest.raises(UsageError, match=message) as raised:
        refuse_secrets(job)

    assert TOKEN not in str(raised.value)


def test_a_plain_job_is_none() -> None:
    """Paths, numbers and settings are no secrets."""
    refuse_secrets(
        Job(command=("python", "-m", "train", "--lr", "0.1"), threads=1, env={"TOKENIZERS_PARALLELISM": "false"})
    )
