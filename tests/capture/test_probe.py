"""The probe's answer is untrusted, and so is what it is asked of: whatever a file named as Python does is told."""

import json
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsnap.capture import answer, probe
from envsnap.capture.answer import quote
from envsnap.capture.probe import ProbedEnvironment, probe_environment
from envsnap.environment import Completed, Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.environment.script import PROBE, Script
from envsnap.errors import CaptureError, EnvsnapError, UsageError
from envsnap.inside.probe.document import MARKER

DOCUMENT: dict[str, Any] = {
    "interpreter": {
        "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
        "executable": "/venv/bin/python", "prefix": "/venv", "base-prefix": "/usr", "conda": False,
    },
    "platform": {
        "system": "Linux", "arch": "x86_64", "libc": "glibc", "libc-version": "2", "distribution": "d", "kernel": "6",
    },
    "packages": [],
    "conda": [],
}  # fmt: skip
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


class FakeEnvironment:
    """Answers the probe with given bytes."""

    name = "interpreter /venv/bin/python"
    python = "/venv/bin/python"

    def __init__(self, stdout: bytes, **ended: Any) -> None:
        self.answer = replace(Completed(exit_code=0, stdout=stdout, stderr=b"", seconds=0.0), **ended)

    def execute(self, execution: Execution) -> Completed:
        """Answer; the probe must be readable there, and may not run for ever."""
        assert Path(execution.argv[1]).parent in execution.read_only
        assert execution.timeout == PROBE.timeout
        return self.answer


def document(**interpreter: Any) -> bytes:
    """Return what the probe prints of an environment without packages."""
    return framed(json.dumps(DOCUMENT | {"interpreter": DOCUMENT["interpreter"] | interpreter}).encode())


def framed(text: bytes) -> bytes:
    """Put the marker before a document."""
    return f"\n{MARKER}\n".encode() + text + b"\n"


def ask_fake(stdout: bytes, **ended: Any) -> ProbedEnvironment:
    """Probe an environment that prints ``stdout``."""
    return probe_environment(FakeEnvironment(stdout, **ended), Path("/work"))


def test_noise_around_the_answer_does_not_count() -> None:
    """A ``sitecustomize`` prints before, an exit handler after, neither needs to be text."""
    noise = f"{MARKER} is what a .pth file printed\n\n{MARKER}\n\n".encode()

    assert "3.11.7" == ask_fake(noise + b"\xff\n" + document() + b"\xfe bye\n").interpreter.version


@pytest.mark.parametrize(
    ("stdout", "ended", "message"),
    [
        (
            b"",
            {"exit_code": 1, "stderr": b"a\nb\nc\nSyntaxError: no"},
            r"\(exit code 1\): b c SyntaxError: no\. envsnap",
        ),
        (b"", {"exit_code": 3}, r"could not run probe.py \(exit code 3\): it printed nothing.*CPython 3\.8 or newer"),
        (b"", {"exit_code": 139}, "was killed by SIGSEGV while it ran probe.py"),
        (
            b"",
            {"exit_code": 137, "stderr": b"out of memory"},
            "was killed by SIGKILL while it ran probe.py: out of memory",
        ),
        (b"", {"exit_code": 255}, "was killed by signal 127"),
        (document(), {"timed_out": True, "exit_code": 143}, "did not finish probe.py within 300 s"),
        (b"probe.py\n", {}, "gave no answer to probe.py, as a program that is no Python does: probe.py"),
        (f"\n{MARKER}".encode(), {}, "gave no answer"),
        (document(version="3.7.17"), {}, "is cpython 3.7.17; envsnap captures CPython 3.8 and newer"),
        (document(implementation="pypy"), {}, "is pypy 3.11.7"),
        (document(implementation="p\n\x1b[2J" + "y" * 9999), {}, r"is p  \[2Jy{300}"),
        (framed(b"{"), {}, "it is no JSON"),
        (document()[:-30], {}, "it is no JSON"),
        (framed(b'"\\ud800"'), {}, "it is no JSON"),
        (framed(b'"\xff"'), {}, "it is no JSON"),
        (framed(b"[" * 200_000 + b"]" * 200_000), {}, "it is no JSON: maximum recursion depth"),
        (framed(b"[]"), {}, "Expected `object`, got `array`"),
        (framed(b"7" * 5000), {}, "it is no JSON"),
        (framed(b'{"' + b"k" * 100_000 + b'": 1}'), {}, r"unknown key 'kkk|missing required field"),
        (document(prefix=1), {}, r"Expected `str`, got `int`.*interpreter\.prefix"),
        (document(prefix="relative"), {}, "interpreter.prefix"),
        (document(executable="/a\0b"), {}, "interpreter.executable"),
        (document(version="3.11.7; rm"), {}, "interpreter.version"),
        (document(version="3." + "9" * 5000 + ".0"), {}, "interpreter.version"),
        (document(environment="other"), {}, "interpreter.environment"),
    ],
)
def test_an_unsound_answer_is_a_capture_error(stdout: bytes, ended: dict[str, Any], message: str) -> None:
    """It names the environment and what to do, on one short line without control characters, with exit code 4."""
    with pytest.raises(CaptureError, match=message) as raised:
        ask_fake(stdout, **ended)
    text = str(raised.value)

    assert 4 == raised.value.exit_code
    assert "interpreter /venv/bin/python" in text
    assert text.isprintable()
    assert len(text) < 1000


def test_an_answer_larger_than_any_environment_needs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not parsed."""
    monkeypatch.setattr(answer, "LARGEST_ANSWER", 100)

    with pytest.raises(CaptureError, match="it has 101 bytes"):
        ask_fake(framed(b"7" * 101))


def test_a_quote_is_short_and_moves_no_cursor() -> None:
    """Escape sequences and characters that reverse the reading order are left out."""
    assert "a  [1mb c" == quote("a\r\x1b[1mb\u202ec\n")
    assert 403 == len(quote("x" * 10_000_000))


MakeScript = Callable[[str], Path]


@pytest.fixture
def script(tmp_path: Path) -> MakeScript:
    """Make an executable file that stands where an interpreter is expected."""

    def make(text: str) -> Path:
        path = tmp_path / "python"
        path.write_text(text)
        path.chmod(0o755)
        return path

    return make


@pytest.mark.processes
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not a program\n", "Exec format error"),
        ("", "Exec format error"),
        ("#!/no/such/interpreter\n", "the program that starts '.*/python' is not there"),
        ("#!/bin/sh\nexit 3\n", "exit code 3"),
        ("#!/bin/sh\nkill -SEGV $$\n", "killed by SIGSEGV"),
        ("#!/bin/sh\nkill -KILL $$\n", "killed by SIGKILL"),
        ("#!/bin/sh\necho junk; echo more >&2\n", "no Python does: more"),
        (f"#!/bin/sh\nprintf '\\n{MARKER}\\n{{}}\\n'\n", "missing required field `interpreter`"),
        ('#!/bin/sh\nhead -c 3000000 /dev/zero | tr "\\\\0" "["\n', r"no Python does: \[\[\["),
        (f"#!/bin/sh\nprintf '\\n{MARKER}\\n'; head -c 3000000 /dev/zero | tr '\\\\0' '['\n", "it is no JSON"),
        (f"#!/bin/sh\nprintf '\\n{MARKER}\\n'; head -c 200000 /dev/urandom\n", "it is no JSON"),
        ("#!/bin/sh\nexec 1>&- 2>&-; exit 0\n", "it printed nothing"),
    ],
)
def test_what_stands_for_an_interpreter_and_is_none(
    tmp_path: Path, script: MakeScript, text: str, message: str
) -> None:
    """Its path is named and what to do, whatever it does when it is run."""
    path = script(text)

    with pytest.raises(CaptureError, match=message) as raised:
        probe_environment(LocalEnvironment(path), tmp_path)

    assert str(path) in str(raised.value)
    assert "choose another interpreter" in str(raised.value)


@pytest.mark.processes
def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    """``ls`` lists the script that it is given, and ends well."""
    with pytest.raises(CaptureError, match=r"interpreter /bin/ls gave no answer to probe\.py, as a program"):
        probe_environment(LocalEnvironment(Path("/bin/ls")), tmp_path)


@pytest.mark.processes
def test_an_interpreter_that_hangs_is_ended(
    tmp_path: Path, script: MakeScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It and what it started."""
    monkeypatch.setattr(probe, "PROBE", Script("probe.py", timeout=0.5))
    path = script("#!/bin/sh\nsleep 3600 & sleep 3600\n")

    with pytest.raises(CaptureError, match=f"interpreter {path} did not finish probe.py within"):
        probe_environment(LocalEnvironment(path), tmp_path)


@pytest.mark.processes
def test_a_working_folder_that_cannot_be_entered(tmp_path: Path) -> None:
    """It is named; the interpreter is not to blame. (root may enter every folder, so that one is only gone.)"""
    folder = tmp_path / "folder"
    with pytest.raises(UsageError, match=re.escape(f"{folder} is not a folder")):
        probe_environment(LocalEnvironment(Path(sys.executable)), folder)

    if os.geteuid():
        folder.mkdir(mode=stat.S_IRUSR)
        with pytest.raises(UsageError, match=re.escape(f"{folder} cannot be entered")):
            probe_environment(LocalEnvironment(Path(sys.executable)), folder)


@pytest.mark.processes
@pytest.mark.parametrize("version", ["2.7.*", "3.6.*", "3.7.*"])
def test_a_real_python_that_is_too_old(tmp_path: Path, version: str) -> None:
    """It cannot read the probe, or says its version."""
    found = sorted(PYENV.glob(f"{version}/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} in pyenv")

    with pytest.raises(EnvsnapError, match=r"is cpython 3\.7\.|SyntaxError.*envsnap needs CPython 3\.8") as raised:
        probe_environment(LocalEnvironment(found[0]), tmp_path)

    assert str(found[0]) in str(raised.value)


@pytest.mark.processes
def test_names_that_are_no_text_do_not_end_the_probe(tmp_path: Path, script: MakeScript) -> None:
    """A folder on the search path, or a package in it, may have bytes that are no UTF-8 in its name."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/b\xff-1.0.dist-info")).mkdir(parents=True)
    wrapper = f'#!/bin/sh\nPYTHONPATH="$(printf \'{tmp_path}/caf\\351\')" exec {sys.executable} "$@"\n'

    probed = probe_environment(LocalEnvironment(script(wrapper)), tmp_path)

    assert f"{tmp_path}/caf?" in {root.path for root in probed.roots}
    assert "b?" in {package.name for package in probed.packages}
