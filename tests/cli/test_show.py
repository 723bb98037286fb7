"""``envsnap show``: a page for people, the same facts for programs, and nothing of a broken lock."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from small_manifest import manifest

from envsnap.cli.main import main
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Datum, Job
from envsnap.manifest.lockfile import dump_manifest, seal

LOCKS = Path(__file__).parent.parent / "e2e" / "locks"
OLD = LOCKS / "envsnap-1.3.lock"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command; return the exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "show", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_the_projects_lock_is_shown(
    call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where none is named; what comes next then names none either."""
    (tmp_path / "envsnap.lock").write_bytes(OLD.read_bytes())
    monkeypatch.chdir(tmp_path)

    assert 0 == call()
    lines = capsys.readouterr().out.splitlines()
    assert "lock            35424ea256b1, written 2026-01-03T03:04:05Z by envsnap 0.1.0, schema 1.3" == lines[0]
    assert "next            envsnap verify" == lines[-1]


def test_another_lock_is_named_in_what_comes_next(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole, as a shell takes it: it is there to be copied."""
    path = tmp_path / "old one.lock"
    path.write_bytes(OLD.read_bytes())

    assert 0 == call(str(path), "--project", str(tmp_path))
    assert f"next            envsnap verify --project {tmp_path} '{path}'" == capsys.readouterr().out.splitlines()[-1]


def test_json_has_the_same_facts(call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, where the page shows a few; a name is handed on as it is."""
    odd = Finding(kind="undeclared-input", subject="a\x1b[2J\n.csv", detail="read")
    tf32 = Finding(kind="tf32", subject="torch", detail="on")
    indexes = Finding(kind="two-indexes", subject="joblib", detail="d")
    contents = replace(
        manifest(python="3.11.7").contents,
        job=Job(command=("python", "train.py"), seed=7),
        data=tuple(Datum(path=f"{name}.csv", size=5, sha256="ab" * 32) for name in "abcdef"),
        findings=(indexes, tf32, odd),
    )
    made = seal(contents, created_by="envsnap 9", created_at="2026-01-02T03:04:05Z")
    path = tmp_path / "envsnap.lock"
    path.write_text(dump_manifest(made), encoding="utf-8")

    assert 0 == call(str(path), "--json")
    document = json.loads(capsys.readouterr().out)

    assert ("envsnap/1", "show", None) == (document["schema"], document["command"], document["error"])
    result = document["result"]
    assert {"created-by": "envsnap 9", "created-at": "2026-01-02T03:04:05Z", "digest": made.snapshot.digest} == (
        result["snapshot"]
    )
    assert ["tf32", "undeclared-input", "two-indexes"] == [one["kind"] for one in result["findings"]]
    assert [True, True, False] == [one["moves-numbers"] for one in result["findings"]]
    assert odd.subject == result["findings"][1]["subject"]
    assert {"count": 6, "size": 30, "paths": [f"{name}.csv" for name in "abcdef"]} == result["job"]["inputs"]
    assert {"count": 0, "evidence": {}, "unbuildable": [], "conda": 0, "own": []} == result["packages"]
    assert ("envsnap freeze", None) == (result["next"], result["job"]["baseline"])


def test_a_lock_that_was_edited_is_not_shown(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "envsnap.lock"
    path.write_text(OLD.read_text().replace("AMD EPYC", "AMD Ryzen"))

    assert 2 == call(str(path))
    assert 2 == call(str(tmp_path / "absent.lock"))
    told = capsys.readouterr()
    assert "" == told.out
    assert "the file was edited or damaged" in told.err
    assert "write it with 'envsnap freeze'" in told.err


def test_a_bundle_has_its_own_lock(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside it none can be named, and a folder that is no bundle is refused."""
    assert 2 == call(str(OLD), "--bundle", str(tmp_path))
    assert "leave LOCK or --bundle out" in capsys.readouterr().err
    assert 5 == call("--bundle", str(tmp_path))
