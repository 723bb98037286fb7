"""What ``envsnap verify`` tells GitHub Actions through its variables, and when it tells nothing."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.cli.main import main
from envsnap.errors import InputError
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.report.github import SUMMARY_BYTES
from envsnap.workflow.progress import Progress
from envsnap.workflow.verify import VerifyRequest, VerifyResult

EVIL = "::error::<b>*x*|`y`"


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a step's files, as a runner sets its variables; the project is a folder of the repository."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    for name, file in (("GITHUB_STEP_SUMMARY", "summary.md"), ("GITHUB_OUTPUT", "output")):
        monkeypatch.setenv(name, str(tmp_path / file))
        (tmp_path / file).touch()
    (tmp_path / "jobs" / "a").mkdir(parents=True)
    (tmp_path / "jobs" / "a" / "envsnap.toml").touch()
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Run the command with a workflow that comes to this end; return the exit code."""

    def run(end: Status | Exception, *arguments: str, path: str = "metrics.json") -> int:
        def verify(_request: VerifyRequest, progress: Progress) -> VerifyResult:
            progress.stage("##[error]a stage")
            if isinstance(end, Exception):
                raise end
            item = ItemVerdict(name="accuracy", status=end, reason="a reason", count=1)
            outputs = (OutputVerdict(path=path, format="json", status=end, items=(item,)),)
            return VerifyResult(Verdict(status=end, outputs=outputs, reason="why"), "container t:1", (1.0,), "f" * 64)

        monkeypatch.setattr("envsnap.cli.verify.verify", verify)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        project = tmp_path / "jobs" / "a"
        monkeypatch.setattr(sys, "argv", ["envsnap", "verify", "--project", str(project), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def outputs(step: Path) -> dict[str, str]:
    text = (step / "output").read_text(encoding="utf-8")
    return {name: value for name, _, value in re.findall(r"([a-z-]+)<<(end-[0-9a-f]{32})\n(.*)\n\2\n", text)}


def test_verdict_is_told_in_summary_annotation_and_outputs(
    step: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of the verdict; the annotation points to the project's settings in the repository."""
    assert 1 == call("fail", "--junit", str(step / "junit.xml"))

    assert "## ❌ envsnap verify: a: fail" in (step / "summary.md").read_text(encoding="utf-8")
    assert "::error file=jobs/a/envsnap.toml,title=metrics.json%3A fail::accuracy: a reason" in capsys.readouterr().err
    assert outputs(step) == {
        "verdict": "fail",
        "exit-code": "1",
        "lock-digest": "f" * 64,
        "failed-outputs": '["metrics.json"]',
        "junit": str(step / "junit.xml"),
    }


def test_json_stays_the_only_thing_on_standard_output(
    step: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The annotations stand on standard error, which the runner reads too; no line of either obeys a job."""
    call("fail", "--json", path=f"##[error]{EVIL}")
    out, err = capsys.readouterr()

    assert f"##[error]{EVIL}" == json.loads(out)["result"]["verdict"]["outputs"][0]["path"]
    assert "f" * 64 == json.loads(out)["result"]["lock-digest"]
    assert "##[" not in out
    assert ["::error file="] == re.findall(r"^\s*::.*?=|##\[", err, re.MULTILINE)
    assert "<b>" not in (step / "summary.md").read_text(encoding="utf-8").replace("<br>", "")


def test_table_holds_no_workflow_command(
    step: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """An output that is called like a command is a name."""
    assert 0 == call("pass", path=EVIL)
    out, err = capsys.readouterr()

    assert r"\x3a:error::<b>*x*|`y`" in out
    assert not re.search(r"^\s*::|##\[", out + err, re.MULTILINE)
    assert "pass" == outputs(step)["verdict"]


def test_error_is_told_without_a_verdict(
    step: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline sees why nothing was decided, and the last lines of a job command nothing."""
    code = call(InputError("the inputs differ:\n::stop-commands::x"))
    err = capsys.readouterr().err

    assert 6 == code
    assert "exit code 6" in (step / "summary.md").read_text(encoding="utf-8")
    assert "::error file=jobs/a/envsnap.toml,title=envsnap verify::the inputs differ:%0A::stop-commands::x" in err
    assert 1 == len(re.findall(r"^\s*::", err, re.MULTILINE))
    assert {"verdict": "error", "exit-code": "6", "lock-digest": "", "failed-outputs": "[]"} == outputs(step)


def test_summary_is_added_to_what_stands_there(step: Path, call: Callable[..., int]) -> None:
    """Another command of the step wrote before; GitHub's limit is for all of it."""
    (step / "summary.md").write_text("earlier", encoding="utf-8")
    call("pass")
    text = (step / "summary.md").read_text(encoding="utf-8")

    assert text.startswith("earlier\n## ✅")

    (step / "summary.md").write_bytes(b"x" * (SUMMARY_BYTES - 10))
    call("pass")

    assert SUMMARY_BYTES >= (step / "summary.md").stat().st_size


@pytest.mark.parametrize(("service", "actions", "told"), [
    ("auto", "true", True), ("auto", "", False), ("none", "true", False), ("github", "", True),
])  # fmt: skip
def test_service_is_switched(
    service: str, actions: str, told: bool, step: Path, call: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub is told where its variable says so, unless the user says otherwise."""
    monkeypatch.setenv("GITHUB_ACTIONS", actions)

    assert 1 == call("fail", "--ci", service)
    assert told is bool((step / "summary.md").read_text(encoding="utf-8"))
    assert told is bool(outputs(step))


def test_files_that_cannot_be_written_leave_the_verdict(
    step: Path, call: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are named; without the variables there is nothing to write."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    monkeypatch.delenv("GITHUB_OUTPUT")

    assert 1 == call("fail")
    assert f"{step} cannot be written, so GitHub is not told: {os.strerror(21)}" in capsys.readouterr().err


def test_settings_outside_of_the_repository_are_not_pointed_to(
    step: Path, call: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An annotation with a path that GitHub does not know is shown nowhere."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(step / "jobs" / "b"))
    call("fail")

    assert "::error title=metrics.json%3A fail::" in capsys.readouterr().err


def test_build_that_fails_is_told(
    step: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gate that cannot build has no verdict, and says why."""
    monkeypatch.setattr("signal.signal", lambda *_arguments: None)
    monkeypatch.setattr(sys, "argv", ["envsnap", "build", "--project", str(step / "jobs" / "a")])
    with pytest.raises(SystemExit) as caught:
        main()

    assert 2 == caught.value.code
    assert "## 🛑 envsnap build: no verdict, exit code 2" in (step / "summary.md").read_text(encoding="utf-8")
    assert "title=envsnap build::there is no" in capsys.readouterr().err
    assert {"verdict": "error", "exit-code": "2", "lock-digest": "", "failed-outputs": "[]"} == outputs(step)
