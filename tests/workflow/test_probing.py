"""The probe starts first, of the interpreter that the user named."""

from pathlib import Path

import pytest

from envsnap.errors import UsageError
from envsnap.workflow.probing import CaptureRequest, start_probe, user_cache


def test_two_environments_are_one_too_many(tmp_path: Path) -> None:
    """Neither is guessed."""
    request = CaptureRequest(folder=tmp_path, env={}, image="demo:1", prefix=tmp_path)

    with pytest.raises(UsageError, match="--image names an environment, and so do"):
        start_probe(request)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"HOME": "/home/u"}, Path("/home/u/.cache/envsnap")),
        ({"HOME": "/home/u", "XDG_CACHE_HOME": "/var/cache"}, Path("/var/cache/envsnap")),
        ({"XDG_CACHE_HOME": "relative"}, None),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_what_is_kept_lies_in_the_users_own_place(env: dict[str, str], expected: Path | None) -> None:
    """A relative one is none: https://specifications.freedesktop.org/basedir-spec/latest/."""
    assert expected == user_cache(env)
