"""The top of the command line: quick, and it says what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from envsnap.cli.main import COMMANDS, UNEXPECTED, complaint, help_text, main

README = Path(__file__).parent.parent.parent / "README.md"


def call(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["envsnap", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No argument asks for help too."""
    codes = [call(*arguments, monkeypatch=monkeypatch) for arguments in ((), ("--help",), ("-h",))]

    assert [0, 0, 0] == codes
    assert help_text() * 3 == capsys.readouterr().out
    assert all(name in help_text() and text in help_text() for name, text in COMMANDS.items())


@pytest.mark.processes
def test_help_loads_no_library() -> None:
    """Start-up is a feature: help needs neither click nor anything heavier."""
    heavy = ("click", "msgspec", "rich", "docker", "numpy", "jinja2", "packaging", "uv", "scipy")
    script = f"import sys\nfrom envsnap.cli.main import help_text\nprint(set({heavy!r}) & set(sys.modules))"

    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert "set()" == printed.strip()


def test_unknown_command_names_the_nearest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger is a usage error with a hint."""
    code = call("verfy", monkeypatch=monkeypatch)

    assert 2 == code
    assert "no such command 'verfy'; did you mean 'verify'?" in capsys.readouterr().err
    assert "no such option '--json' before a command" == complaint("--json")


@pytest.mark.parametrize("asked", ["--help", "-h"])
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(
    name: str, asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has a help of its own, with the common options."""
    code = call(name, asked, monkeypatch=monkeypatch)

    out = capsys.readouterr().out
    assert 0 == code
    assert out.startswith(f"Usage: envsnap {name}")
    assert all(option in out for option in ("--project", "--json", "--quiet", "--verbose"))


def test_readme_has_every_exit_code() -> None:
    """The README's table and the help agree on the exit codes."""
    rows = [line.strip("| ").split(" | ") for line in README.read_text(encoding="utf-8").splitlines() if "|" in line]
    in_readme = {row[0] for row in rows if row[0].isdigit()}
    in_help = {words[0] for words in map(str.split, help_text().splitlines()) if words and words[0].isdigit()}

    assert in_help == in_readme


@pytest.mark.processes
def test_a_freeze_that_runs_no_job_loads_no_numpy() -> None:
    """Only what compares numbers needs it."""
    script = "import sys\nimport envsnap.cli.freeze, envsnap.workflow.describe\nprint('numpy' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "False\n" == printed


@pytest.mark.processes
@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ('"$@" > /dev/full', UNEXPECTED),
        ('"$@" > /dev/full 2> /dev/full', UNEXPECTED),
        ('"$@" >&-', 0),
        ('"$@" 2>&- > /dev/null', 0),
        ('rmdir "$PWD" && "$@"', UNEXPECTED),
    ],
)
def test_what_cannot_be_said_does_not_end_with_the_code_of_numbers_that_differ(
    shell: str, code: int, tmp_path: Path
) -> None:
    """1 is what Python ends with by itself; for envsnap it is a verdict."""
    folder = tmp_path / "folder"
    folder.mkdir()
    lock = Path(__file__).parent.parent / "e2e" / "locks" / "envsnap-1.2.lock"
    command = [sys.executable, "-m", "envsnap", "diff", str(lock), str(lock)]

    assert code == subprocess.run(["sh", "-c", shell, "sh", *command], cwd=folder, check=False).returncode
