"""What is captured is chosen before anything is written, and a job that holds a secret is refused."""

from pathlib import Path

import pytest

from envsnap.errors import UsageError
from envsnap.manifest.job import Job
from envsnap.workflow.subject import CaptureRequest, open_subject, refuse_secrets

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


def test_two_environments_are_one_too_many(tmp_path: Path) -> None:
    """Neither is guessed."""
    request = CaptureRequest(folder=tmp_path, env={}, image="demo:1", prefix=tmp_path)

    with pytest.raises(UsageError, match="--image names an environment, and so do"), open_subject(request):
        pytest.fail("nothing to capture")
