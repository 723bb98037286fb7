"""The exit code says whether the machine is able; warnings leave it at 0."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from envsnap.cli import doctor
from envsnap.errors import UsageError
from envsnap.manifest.checkup import Check, CheckStatus, Checkup
from envsnap.workflow.doctor.machine import DoctorRequest

Call = Callable[..., Result]


@pytest.fixture
def asked() -> list[DoctorRequest]:
    """What the command asked for."""
    return []


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, asked: list[DoctorRequest], tmp_path: Path) -> Call:
    """Run the command on a machine whose one check has this status."""

    def run(status: CheckStatus, *arguments: str) -> Result:
        def examine(request: DoctorRequest, _progress: object) -> Checkup:
            asked.append(request)
            if request.lock is not None and not request.lock.exists():
                raise UsageError(f"there is no {request.lock}")
            return Checkup(checks=(Check(name="disk", status=status, found="1 MiB"),), lock="l", digest="d")

        monkeypatch.setattr(doctor, "examine_machine", examine)
        return CliRunner().invoke(doctor.command, ["--project", str(tmp_path), *arguments])

    return run


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 7)])
def test_only_a_failure_ends_with_seven(call: Call, status: CheckStatus, code: int) -> None:
    """As a tool that is missing does anywhere else."""
    result = call(status)

    assert code == result.exit_code
    assert f"this machine: {status}" in result.stdout.splitlines()[-1]


def test_json_has_every_check(call: Call) -> None:
    """One document, with the whole's status beside the checks."""
    document = json.loads(call("fail", "--json").stdout)

    check = {"name": "disk", "status": "fail", "found": "1 MiB", "needed": "", "advice": ""}
    assert ("doctor", 7) == (document["command"], document["exit-code"])
    assert {"lock": "l", "digest": "d", "status": "fail", "checks": [check]} == document["result"]


def test_options_reach_the_request(call: Call, asked: list[DoctorRequest], tmp_path: Path) -> None:
    """No network unless it is asked for, and no lock but the project's unless one is named."""
    call("ok")
    call("ok", "--target", "venv", "--online", str(tmp_path / "my.lock"))

    assert (None, None, False) == (asked[0].lock, asked[0].target, asked[0].online)
    assert (tmp_path / "my.lock", "venv", True) == (asked[1].lock, asked[1].target, asked[1].online)


def test_lock_that_is_not_there_is_a_usage_error(call: Call, tmp_path: Path) -> None:
    """The message names it."""
    result = call("ok", str(tmp_path / "none.lock"))

    assert 2 == result.exit_code
    assert "none.lock" in result.stderr
