"""However a command ends, its exit code is its own, and ``--json`` leaves one document on standard output."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from envsnap.cli.console import CommonOptions, conclude
from envsnap.cli.main import INTERRUPTED, UNEXPECTED
from envsnap.cli.progress import StderrProgress
from envsnap.errors import (
    BuildError,
    CaptureError,
    EnvironmentDiffersError,
    InputError,
    InvalidFileError,
    JobError,
    MissingToolError,
    UsageError,
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A command takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def voice(*, json: bool = False, quiet: bool = False, verbose: bool = False) -> CommonOptions:
    """The common options of a project here."""
    return CommonOptions(project=Path(), json=json, quiet=quiet, verbose=verbose)


def end(
    work: Callable[[StderrProgress], str], options: CommonOptions, present: Callable[[str], tuple[int, str, object]]
) -> int:
    """Conclude a command and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        conclude("verify", options, work, present)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def show(result: str) -> tuple[int, str, object]:
    """A command that succeeded."""
    return 0, f"text {result}\n", {"value": result}


def raising(error: BaseException) -> Callable[[StderrProgress], str]:
    """Work that fails."""

    def work(_progress: StderrProgress) -> NoReturn:
        raise error

    return work


def talk(progress: StderrProgress) -> str:
    """Work that says something of each kind."""
    progress.stage("a stage")
    progress.detail("a \x1b[31mline")
    progress.warn("a warning")
    return "done"


def test_result_is_all_that_standard_output_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress goes to standard error; a line of live output is not shown there without a terminal."""
    code = end(talk, voice(), show)

    out, err = capsys.readouterr()
    assert (0, "text done\n") == (code, out)
    assert "envsnap: a stage\nenvsnap: warning: a warning\n" == err


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """The text for people is left out."""
    code = end(talk, voice(json=True), lambda result: (3, "text\n", {"value": result}))

    document = json.loads(capsys.readouterr().out)
    assert (3, 3, {"value": "done"}, None) == (code, document["exit-code"], document["result"], document["error"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (voice(quiet=True), "envsnap: warning: a warning\n"),
        (voice(verbose=True), "envsnap: a stage\n  | a \\x1b[31mline\nenvsnap: warning: a warning\n"),
    ],
)
def test_quiet_and_verbose(options: CommonOptions, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is never left out; live output cannot steer the terminal."""
    end(talk, options, show)

    assert expected == capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (InvalidFileError, 2),
        (CaptureError, 4),
        (BuildError, 5),
        (EnvironmentDiffersError, 5),
        (JobError, 6),
        (InputError, 6),
        (MissingToolError, 7),
    ],
)
def test_each_failure_has_its_exit_code(
    kind: Callable[[str], Exception], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document has it too, and the message; people read it on standard error."""
    ended = end(raising(kind("it broke:\n  \x1b[2J here")), voice(json=True), show)

    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (code, code) == (ended, document["exit-code"])
    assert (None, "it broke:\n  \x1b[2J here") == (document["result"], document["error"])
    assert "envsnap: error: it broke:\n  \\x1b[2J here\n" == err


@pytest.mark.parametrize("json", [True, False])
def test_no_message_shows_a_login(json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever stage wrote it."""

    def work(progress: StderrProgress) -> NoReturn:
        progress.warn("https://user:secret@index.example is slow")
        raise CaptureError("https://user:secret@index.example is down")

    end(work, voice(json=json), show)

    shown = capsys.readouterr()
    assert "secret" not in shown.out + shown.err
    assert "https://***@index.example is down" in shown.err


def test_failure_without_json_leaves_standard_output_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets a result or nothing."""
    end(raising(JobError("no")), voice(), show)

    assert capsys.readouterr().out == ""


def test_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    """With a document, where one was asked for."""
    code = end(raising(KeyboardInterrupt()), voice(json=True), show)

    document = json.loads(capsys.readouterr().out)
    assert (INTERRUPTED, INTERRUPTED, "interrupted") == (code, document["exit-code"], document["error"])


def test_a_pipeline_that_cancels_is_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    """SIGTERM cleans up as Ctrl-C does."""

    def cancelled(_progress: StderrProgress) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return "not reached"

    assert INTERRUPTED == end(cancelled, voice(), show)
    assert capsys.readouterr().err == "envsnap: error: interrupted\n"


@pytest.mark.parametrize("error", [ValueError("oops"), PermissionError(13, "Permission denied", "/locked")])
@pytest.mark.parametrize("where", ["work", "presentation"])
def test_the_unexpected_never_says_that_the_numbers_differ(
    error: Exception, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code for a traceback is 1, which a pipeline takes for a verdict."""

    def fail(_result: str) -> NoReturn:
        raise error

    code = end(raising(error), voice(json=True), show) if where == "work" else end(talk, voice(json=True), fail)

    document = json.loads(capsys.readouterr().out)
    assert (UNEXPECTED, UNEXPECTED, None) == (code, document["exit-code"], document["result"])
    assert str(error) in document["error"]


def test_a_defect_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A report of it needs the place; a full disk does not."""
    end(raising(ValueError("oops")), voice(), show)
    defect = capsys.readouterr().err
    end(raising(OSError(28, "No space left on device")), voice(), show)
    refusal = capsys.readouterr().err

    assert "Traceback (most recent call last)" in defect
    assert "envsnap: error: unexpected ValueError: oops; please report it" in defect
    assert "envsnap: error: this machine refused: [Errno 28] No space left on device\n" == refusal


@pytest.mark.parametrize(("no_color", "expected"), [("", True), ("1", False)])
def test_no_color_is_respected(no_color: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: set and not empty."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    assert expected == voice().color
