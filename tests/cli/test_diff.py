"""``envsnap diff``: its exit code says whether it could compare, and, where asked, whether numbers can move."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.cli.main import main
from envsnap.errors import UsageError
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.diff.locks import LockDiff, LockDifference
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.lockfile import seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.workflow.diff import DiffRequest, DiffResult
from envsnap.workflow.progress import Progress

MOVES = LockDifference(
    what="numpy", path=("packages", "numpy"), group="framework", moves_numbers=True, a="2.1.0", b=None
)
OTHER = LockDifference(what="branch", path=("code", "branch"), group="code", moves_numbers=False, a="main", b="dev")


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
def call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manifest: Manifest, requests: list[DiffRequest]
) -> Callable[..., int]:
    """Run the command with a workflow that finds these differences; return the exit code."""

    def run(found: tuple[LockDifference, ...] | Exception, *arguments: str) -> int:
        def diff(request: DiffRequest, _progress: Progress) -> DiffResult:
            requests.append(request)
            if isinstance(found, Exception):
                raise found
            other = manifest if request.b is not None else None
            return DiffResult(LockDiff(differences=found, same=("cpu",)), ("a.lock", "b"), manifest, other)

        monkeypatch.setattr("envsnap.cli.diff.diff", diff)
        monkeypatch.setattr("signal.signal", lambda *_arguments: None)
        monkeypatch.setattr(sys, "argv", ["envsnap", "diff", "--project", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


@pytest.fixture
def requests() -> list[DiffRequest]:
    """What the workflow was asked for."""
    return []


@pytest.mark.parametrize(
    ("found", "options", "code"),
    [
        ((MOVES, OTHER), (), 0),
        ((), ("--exit-code",), 0),
        ((OTHER,), ("--exit-code",), 0),
        ((OTHER, MOVES), ("--exit-code",), 1),
    ],
)
def test_exit_code(
    found: tuple[LockDifference, ...], options: tuple[str, ...], code: int, call: Callable[..., int]
) -> None:
    """A comparison that succeeds is a success, unless the user asks for more."""
    assert code == call(found, "a.lock", "b.lock", *options)


def test_json_holds_groups_and_both_sides(
    call: Callable[..., int], manifest: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each difference names its path, its group and both values; null is not there."""
    call((MOVES, OTHER), "a.lock", "--json")

    result = json.loads(capsys.readouterr().out)["result"]
    first, second = result["groups"]
    assert ("a.lock", manifest.snapshot.digest) == (result["a"]["name"], result["a"]["snapshot"]["digest"])
    assert {"name": "b", "snapshot": None} == result["b"]
    assert (True, ["cpu"], []) == (result["moves-numbers"], result["same"], result["not-compared"])
    assert ("framework", "code") == (first["group"], second["group"])
    assert [
        {
            "what": "numpy",
            "path": ["packages", "numpy"],
            "group": "framework",
            "moves-numbers": True,
            "a": "2.1.0",
            "b": None,
        }
    ] == first["differences"]


def test_people_get_a_table(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else stands on standard output."""
    call((MOVES,), "a.lock", "b.lock")

    out = capsys.readouterr().out
    assert ["what", "a.lock", "b"] == out.split()[:3]
    assert out.endswith("same: CPU\n1 difference can change numbers\n")


def test_request_follows_the_command_line(
    call: Callable[..., int], requests: list[DiffRequest], tmp_path: Path
) -> None:
    """Without B the live environment is meant."""
    call((), "a.lock", "--prefix", str(tmp_path))

    (request,) = requests
    here = request.here
    assert (Path("a.lock"), None, tmp_path, tmp_path) == (request.a, request.b, here.folder, here.prefix)
    assert here.offline


def test_failure_has_its_own_code(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A lock that is not there is a usage error, also under --exit-code."""
    assert 2 == call(UsageError("there is no a.lock"), "a.lock", "--exit-code")
    assert "there is no a.lock" in capsys.readouterr().err
