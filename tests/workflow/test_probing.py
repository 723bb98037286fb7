"""The probe starts first, of the interpreter that the user named."""

from pathlib import Path

import pytest

from envsnap.errors import UsageError
from envsnap.workflow.probing import CaptureRequest, start_probe


def test_two_environments_are_one_too_many(tmp_path: Path) -> None:
    """Neither is guessed."""
    request = CaptureRequest(folder=tmp_path, env={}, image="demo:1", prefix=tmp_path)

    with pytest.raises(UsageError, match="--image names an environment, and so do"):
        start_probe(request)
