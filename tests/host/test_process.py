"""A process is followed live, ended with all its children, and explained when it cannot start."""

import os
import sys
import time
from pathlib import Path

import pytest

from envsnap.errors import MissingToolError, UsageError
from envsnap.host import process

ENV = {"PATH": os.defpath}


def python(code: str) -> tuple[str, ...]:
    """Return a command that runs ``code``."""
    return (sys.executable, "-S", "-c", code)


def is_gone(pid: int) -> bool:
    """Whether the process ends within two seconds; one that waits for its parent has ended."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            if ") Z " in stat.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_both_streams_and_the_exit_code_come_back(tmp_path: Path) -> None:
    """The streams are kept apart, and each line of both is handed on."""
    lines: list[str] = []

    result = process.run(("sh", "-c", "pwd; echo oops >&2; exit 3"), cwd=tmp_path, env=ENV, on_output=lines.append)

    assert (3, f"{tmp_path}\n".encode(), b"oops\n", False) == (
        result.exit_code,
        result.stdout,
        result.stderr,
        result.timed_out,
    )
    assert {str(tmp_path), "oops"} == set(lines)


def test_only_the_given_variables_are_set(tmp_path: Path) -> None:
    """Nothing of this process's environment leaks."""
    result = process.run(("env",), cwd=tmp_path, env=ENV | {"A": "1"})

    assert {f"PATH={os.defpath}", "A=1"} == set(result.stdout.decode().split("\n")) - {""}


def test_large_input_to_a_process_that_does_not_read_it(tmp_path: Path) -> None:
    """More input than a pipe holds does not block."""
    result = process.run(("true",), cwd=tmp_path, env=ENV, stdin=b"x" * 1_000_000)

    assert 0 == result.exit_code


def test_input_is_read(tmp_path: Path) -> None:
    """The bytes given arrive on standard input."""
    assert b"abc" == process.run(("cat",), cwd=tmp_path, env=ENV, stdin=b"abc").stdout


def test_killed_process_has_the_shell_s_exit_code(tmp_path: Path) -> None:
    """A signal shows as 128 + its number."""
    result = process.run(("sh", "-c", "kill -9 $$"), cwd=tmp_path, env=ENV)

    assert 137 == result.exit_code


def test_timeout_ends_children_too(tmp_path: Path) -> None:
    """The whole group ends, and what was printed until then is kept."""
    result = process.run(("sh", "-c", "sleep 60 & echo $!; wait"), cwd=tmp_path, env=ENV, timeout=0.3)

    assert result.timed_out
    assert 143 == result.exit_code
    assert is_gone(int(result.stdout))


def test_process_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the grace period nothing survives."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)

    result = process.run(("sh", "-c", "trap '' TERM; sleep 60; sleep 60"), cwd=tmp_path, env=ENV, timeout=0.2)

    assert (True, 137) == (result.timed_out, result.exit_code)


def test_child_left_behind_is_ended(tmp_path: Path) -> None:
    """A background process that holds the pipes open neither delays the result nor survives."""
    started = time.monotonic()

    result = process.run(("sh", "-c", "sleep 60 & echo $!"), cwd=tmp_path, env=ENV)

    assert 0 == result.exit_code
    assert is_gone(int(result.stdout))
    assert time.monotonic() - started < 5


def test_interrupt_ends_the_process(tmp_path: Path) -> None:
    """A KeyboardInterrupt ends the group before it goes on."""
    seen: list[str] = []

    def interrupt(line: str) -> None:
        seen.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(("sh", "-c", "echo $$; sleep 60"), cwd=tmp_path, env=ENV, on_output=interrupt)

    assert is_gone(int(seen[0]))


def test_much_output_on_both_streams(tmp_path: Path) -> None:
    """Neither stream can fill up while the other is read."""
    code = "import sys\nfor i in range(2000): print('o' * 99); print('e' * 99, file=sys.stderr)"

    result = process.run(python(code), cwd=tmp_path, env=ENV)

    assert (200_000, 200_000) == (len(result.stdout), len(result.stderr))


def test_missing_executable_is_a_missing_tool(tmp_path: Path) -> None:
    """The message names the tool, and no password."""
    with pytest.raises(MissingToolError, match="'no-such-tool' not found") as caught:
        process.run(("no-such-tool", "https://u:p@index.example/"), cwd=tmp_path, env=ENV)

    assert "u:p" not in str(caught.value)


def test_file_without_permission_is_a_missing_tool(tmp_path: Path) -> None:
    """The message says what to check."""
    (tmp_path / "tool").write_text("")

    with pytest.raises(MissingToolError, match="is executable"):
        process.run((str(tmp_path / "tool"),), cwd=tmp_path, env=ENV)


@pytest.mark.parametrize(("word", "name"), [("a\0b", "A"), ("a", "A=B")])
def test_word_that_no_process_can_be_given_is_a_usage_error(tmp_path: Path, word: str, name: str) -> None:
    """A lock is untrusted: its job may hold any text."""
    with pytest.raises(UsageError, match="cannot run 'true'"):
        process.run(("true", word), cwd=tmp_path, env=ENV | {name: "1"})


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """A missing working folder is not taken for a missing tool."""
    with pytest.raises(UsageError, match="is not a folder"):
        process.run(("true",), cwd=tmp_path / "nowhere", env=ENV)
