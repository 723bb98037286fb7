"""``envsnap run``: what the job prints goes to standard output, but where a document goes there."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.cli.main import main
from envsnap.errors import JobError
from envsnap.manifest.outcome import RecordedOutput
from envsnap.workflow.progress import Progress
from envsnap.workflow.run import RunRequest, RunResult


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, RunRequest]]:
    """Run the command with a workflow that prints a line; return the exit code and what it was asked for."""

    def run_command(*arguments: str, fails: bool = False) -> tuple[int, RunRequest]:
        asked: list[RunRequest] = []

        def run(request: RunRequest, _progress: Progress) -> RunResult:
            asked.append(request)
            request.on_output("a\tb\x1b[2J")
            if fails:
                raise JobError("it failed")
            output = RecordedOutput(path="m.json", format="json", file=tmp_path, sha256="0" * 64, size=3)
            return RunResult(environment="container t:1", seconds=1.5, folder=tmp_path, outputs=(output,), built=True)

        monkeypatch.setattr("envsnap.cli.run.run", run)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "run", "--project", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code, asked[0]

    return run_command


def test_what_the_job_prints_goes_to_standard_output(
    call: Callable[..., tuple[int, RunRequest]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What steers a terminal does not; the options after -- are the command's own."""
    code, request = call("--no-build", "--output", "out", "--", "python", "--json", "-q")

    assert (0, "a       b\\x1b[2J\n") == (code, capsys.readouterr().out)
    assert ("python", "--json", "-q") == request.command
    assert (False, Path.cwd() / "out", tmp_path / "envsnap.lock") == (request.build, request.output, request.lock)


def test_document_stands_alone_on_standard_output(
    call: Callable[..., tuple[int, RunRequest]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the job prints goes to standard error then."""
    code, _ = call("--json")

    out, err = capsys.readouterr()
    assert 0 == code
    assert {
        "environment": "container t:1",
        "built": True,
        "seconds": 1.5,
        "folder": str(tmp_path),
        "outputs": [{"path": "m.json", "sha256": "0" * 64, "size": 3}],
    } == json.loads(out)["result"]
    assert "a       b" in err


def test_job_that_fails_ends_with_its_own_code(
    call: Callable[..., tuple[int, RunRequest]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers that differ are another thing."""
    assert 6 == call(fails=True)[0]
    assert "it failed" in capsys.readouterr().err
