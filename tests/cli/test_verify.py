"""``envsnap verify``: the exit code follows the verdict, and a report is never that of an earlier run."""

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envsnap.cli.main import main
from envsnap.errors import InputError
from envsnap.manifest.accepted import Accepted
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.workflow.progress import Progress
from envsnap.workflow.verify import VerifyRequest, VerifyResult

OLD_LOCK = Path(__file__).parent.parent / "e2e" / "locks" / "envsnap-1.3.lock"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Run the command with a workflow that comes to this end; return the exit code."""

    def run(end: Status | Exception, *arguments: str, **result: Any) -> int:
        def verify(_request: VerifyRequest, _progress: Progress) -> VerifyResult:
            if isinstance(end, Exception):
                raise end
            item = ItemVerdict(name="accuracy", status=end, reason="a reason", count=1)
            outputs = (OutputVerdict(path="metrics.json", format="json", status=end, items=(item,)),)
            verdict = Verdict(status=end, outputs=outputs, reason="why")
            return VerifyResult(verdict, "container t:1", (1.0, 2.0), **result)

        monkeypatch.setattr("envsnap.cli.verify.verify", verify)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "verify", "--project", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 3)])
def test_exit_code_follows_the_verdict(
    status: Status, code: int, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines say the verdict, and where the job ran."""
    assert code == call(status)
    assert capsys.readouterr().out.endswith(f"verdict: {status} — why\nran in the container t:1\n")


def test_fail_says_how_new_numbers_are_taken_over(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Where that is possible; the last line is for people, and no part of the document."""
    assert [1, 1] == [call("fail", acceptable=True), call("fail", "--json", acceptable=True)]
    text, document = capsys.readouterr().out.split("\n{")

    assert text.endswith("ran in the container t:1\nif these numbers are meant: envsnap verify --accept 'why'")
    assert "--accept" not in document


def test_accepted_numbers_end_with_exit_code_0(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """The table still shows what differs; the document has the entry of the lock."""
    entry = Accepted(reason="a larger step", accepted_at="2026-01-02T03:04:05Z")
    former = parse_manifest(OLD_LOCK.read_text(encoding="utf-8"), source="envsnap.lock")[0]
    assert former.contents.baseline is not None
    baseline = msgspec.structs.replace(former.contents.baseline, accepted=(entry,))
    manifest = msgspec.structs.replace(former, contents=msgspec.structs.replace(former.contents, baseline=baseline))

    codes = [call("fail", *arguments, accepted=manifest) for arguments in ((), ("--json",))]
    text, document = capsys.readouterr().out.split("\n{")

    assert [0, 0] == codes
    assert "verdict: fail" in text
    assert "accepted: a larger step" in text
    accepted = json.loads("{" + document)["result"]["accepted"]
    assert (manifest.snapshot.digest, baseline.runs, "a larger step") == (
        accepted["digest"],
        accepted["runs"],
        accepted["entry"]["reason"],
    )


def test_reports_are_written(call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder is made; its JSON is what --json prints, its table what people read."""
    report, junit, metrics = (tmp_path / name for name in ("deep/report", "other/junit.xml", "other/metrics.txt"))

    call("fail", "--report", str(report), "--junit", str(junit), "--metrics", str(metrics), "--json")

    assert json.loads(capsys.readouterr().out) == json.loads((report / "verify.json").read_text())
    assert (report / "verify.txt").read_text().endswith("ran in the container t:1\n")
    assert (report / "junit.xml").read_text() == junit.read_text()
    assert (report / "metrics.txt").read_text() == metrics.read_text()
    assert 'envsnap_output_passed{output="metrics.json"} 0.0\n' in metrics.read_text()
    assert ("1", "3.000") == (ET.parse(junit).getroot().get("failures"), ET.parse(junit).getroot().get("time"))


def test_reports_of_an_earlier_run_do_not_outlive_it(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline that collects them would show yesterday's pass for a run that was refused."""
    report, junit = tmp_path / "report", tmp_path / "junit.xml"
    call("pass", "--report", str(report), "--junit", str(junit))
    (report / "mine.txt").touch()

    code = call(InputError("data.csv differs"), "--report", str(report), "--junit", str(junit))

    assert 6 == code
    assert [".gitignore", "mine.txt"] == sorted(path.name for path in report.iterdir())
    assert not junit.exists()
    assert "data.csv differs" in capsys.readouterr().err


def test_a_report_is_no_code(call: Callable[..., int], tmp_path: Path) -> None:
    """A folder that verify makes is ignored by git, and one that was there is left as it was."""
    mine = tmp_path / "mine"
    mine.mkdir()

    for folder in (mine, tmp_path / "new"):
        call("pass", "--report", str(folder))

    assert "*\n" == (tmp_path / "new" / ".gitignore").read_text()
    assert not (mine / ".gitignore").exists()


@pytest.mark.parametrize("option", ["--report", "--junit", "--metrics"])
def test_report_that_has_no_place_is_a_usage_error(
    call: Callable[..., int], tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said before the job runs, not after."""
    (tmp_path / "file").touch()

    assert 2 == call(AssertionError("the job ran"), option, str(tmp_path / "file" / "below"))
    assert "cannot be removed: Not a directory" in capsys.readouterr().err
