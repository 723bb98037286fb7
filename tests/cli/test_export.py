"""``envsnap export``: the text on standard output, or a file; a JSON document where asked for."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.cli.main import main
from envsnap.errors import UsageError
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.lockfile import seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.render.export_file import ExportFile, OmittedPackage
from envsnap.workflow.export import ExportRequest, ExportResult
from envsnap.workflow.progress import Progress

LEFT_OUT = OmittedPackage(name="lost", version="0.1", reason="no index serves it")


@pytest.fixture
def manifest() -> Manifest:
    """A manifest of which only the snapshot counts here."""
    contents = Contents(
        interpreter=Interpreter(
            implementation="cpython", version="3.11.7", build="", compiler="", soabi="", provenance="unknown"
        ),
        platform=Platform(system="Linux", arch="x86_64", libc="", libc_version="", distribution="", kernel=""),
        hardware=Hardware(cpu=Cpu(vendor="", model="", cores=1)),
        accelerator=Accelerator(),
        numerics=Numerics(threads=1),
        packages=(),
    )
    return seal(contents, created_by="envsnap 0", created_at="2026-01-02T03:04:05Z")


@pytest.fixture
def requests() -> list[ExportRequest]:
    """What the workflow was asked for."""
    return []


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manifest: Manifest, requests: list[ExportRequest]
) -> Callable[..., int]:
    """Run the command with a workflow that renders ``one line``; return the exit code."""

    def export(request: ExportRequest, _progress: Progress) -> ExportResult:
        requests.append(request)
        if request.format == "conda-lock":
            raise UsageError("conda-lock cannot hold it")
        exported = ExportFile(text="one line\n", packages=2, left_out=(LEFT_OUT,), remarks=("mind this",))
        return ExportResult(format=request.format, path=request.output, manifest=manifest, exported=exported)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("envsnap.cli.export.export", export)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "export", "--project", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_the_text_alone_is_printed(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """It can be piped."""
    assert 0 == call("pylock")
    assert "one line\n" == capsys.readouterr().out


def test_a_written_file_is_named(
    call: Callable[..., int], manifest: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == call("requirements", "-o", "a.txt")
    assert f"a.txt: 2 entries, of the lock {manifest.snapshot.digest[:12]}\n" == capsys.readouterr().out


@pytest.mark.parametrize(("options", "path", "text"), [((), None, "one line\n"), (("-o", "a.txt"), "a.txt", None)])
def test_json_tells_what_is_left_out(
    call: Callable[..., int],
    manifest: Manifest,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    path: str | None,
    text: str | None,
) -> None:
    call("pylock", "--json", *options)

    assert {
        "format": "pylock",
        "manifest": manifest.snapshot.digest,
        "path": path,
        "text": text,
        "packages": 2,
        "left-out": [{"name": "lost", "version": "0.1", "reason": "no index serves it"}],
        "remarks": ["mind this"],
    } == json.loads(capsys.readouterr().out)["result"]


def test_request_follows_the_command_line(
    call: Callable[..., int], requests: list[ExportRequest], tmp_path: Path
) -> None:
    """The lock is the project's, where none is named."""
    call("CycloneDX")
    call("requirements", "other.lock", "-o", "x.txt", "--allow-incomplete")

    assert [
        ExportRequest(folder=tmp_path, lock=tmp_path / "envsnap.lock", format="cyclonedx"),
        ExportRequest(
            folder=tmp_path,
            lock=Path("other.lock"),
            format="requirements",
            output=Path("x.txt"),
            allow_incomplete=True,
        ),
    ] == requests


@pytest.mark.parametrize("arguments", [("conda-lock",), ("poetry",), ()])
def test_what_cannot_be_exported_is_a_usage_error(
    call: Callable[..., int], arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == call(*arguments)
    assert "" == capsys.readouterr().out


def test_help_names_every_format(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == call("--help")
    out = capsys.readouterr().out
    for name in ("pylock", "requirements", "environment.yml", "conda-explicit", "conda-lock", "cyclonedx"):
        assert f"\n  {name} " in out
