"""``envsnap bundle``: its options reach the workflow, and those that contradict each other are usage errors."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.cli.main import main
from envsnap.manifest.bundle_index import BundleEntry, BundleIndex
from envsnap.workflow.bundle.bundle import BundleRequest, BundleResult, UnpackResult
from envsnap.workflow.progress import Progress

INDEX = BundleIndex(
    created_by="e", lock="a" * 64, entries=(BundleEntry(kind="lock", name="envsnap.lock", sha256="b" * 64, size=7),)
)


@pytest.fixture
def asked() -> list[BundleRequest]:
    """The requests that reached the workflow."""
    return []


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[BundleRequest]) -> Callable[..., int]:
    """Run the command with a workflow that succeeds; return the exit code."""

    def bundle(request: BundleRequest, _progress: Progress) -> BundleResult:
        asked.append(request)
        return BundleResult(path=Path("/out"), index=INDEX, fetched=5, inputs=0)

    def unpack(_path: Path, folder: Path, _progress: Progress) -> UnpackResult:
        return UnpackResult(project=folder / "p", lock="a" * 64, inputs=0)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("envsnap.cli.bundle.bundle", bundle)
        monkeypatch.setattr("envsnap.cli.bundle.unpack", unpack)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "bundle", "--project", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_project_is_bundled_by_default(
    call: Callable[..., int], asked: list[BundleRequest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own lock, into its own work folder."""
    assert 0 == call()

    (request,) = asked
    assert (tmp_path, tmp_path / "envsnap.lock", None) == (request.folder, request.lock, request.output)
    assert capsys.readouterr().out.startswith("bundle /out\nlock aaaaaaaaaaaa: the lock; 7 bytes, 5 of them fetched\n")


def test_json_holds_the_whole_index(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Paths as text."""
    assert 0 == call("--json", "-o", "x.tar")

    result = json.loads(capsys.readouterr().out)["result"]
    assert ("/out", 7, 5, 0) == tuple(result[key] for key in ("path", "size", "fetched", "inputs"))
    assert "envsnap.lock" == result["index"]["entries"][0]["name"]


def test_bundle_is_unpacked(call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into the folder that is named."""
    assert 0 == call("--unpack", str(tmp_path), "-o", "there", "--json")

    assert {"project": "there/p", "lock": "a" * 64, "inputs": 0} == json.loads(capsys.readouterr().out)["result"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--unpack", "."), "needs a folder"),
        (("--unpack", ".", "-o", "x", "envsnap.lock"), "takes everything from the bundle"),
        (("--unpack", ".", "-o", "x", "--python", "python"), "takes everything from the bundle"),
        (("--unpack", "nowhere", "-o", "x"), "does not exist"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    arguments: tuple[str, ...], message: str, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert 2 == call(*arguments)
    assert message in capsys.readouterr().err
