"""Reads the one document with which a script answers that ran inside an environment; it is untrusted."""

import signal
from pathlib import Path
from typing import TypeVar

import msgspec

from envsnap.environment import Completed, Environment
from envsnap.environment.script import NEEDED, Script, run_script
from envsnap.errors import CaptureError, InvalidFileError
from envsnap.inside.probe.document import MARKER
from envsnap.manifest.model import convert

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes; a sound answer about a thousand packages has less than three million."""

LONGEST_QUOTE = 400
FIRST_SIGNAL = 128

T = TypeVar("T")


def ask(environment: Environment, folder: Path, script: Script, kind: type[T]) -> T:
    """Run a script in ``environment``, in the working folder ``folder``, and return its document, a ``kind``.

    Raises:
        CaptureError: the interpreter does not start, the script is killed or does not end in time, or the answer is
            not sound.
    """
    return read_answer(run_script(environment, folder, script), environment.name, script, kind)


def read_answer(done: Completed, name: str, script: Script, kind: type[T]) -> T:
    """Return the document that a script printed in the environment called ``name``.

    Raises:
        CaptureError: the script was killed or did not end in time, or the answer is not sound.
    """
    _, marker, rest = done.stdout.rpartition(f"\n{MARKER}\n".encode())
    if done.timed_out or done.exit_code or not marker:
        raise CaptureError(f"the {name} {_failure(done, script)}. {NEEDED}")
    # The document stands on one line, so that neither it nor what is printed after it can be taken for the marker.
    return _parse(rest.partition(b"\n")[0], kind, name, script.file)


def _failure(done: Completed, script: Script) -> str:
    said = done.stderr.strip() or done.stdout.strip()
    tail = quote(" ".join(said[-64 * 1024 :].decode("utf-8", "replace").splitlines()[-3:]))
    return f"{_how_it_ended(done, script)}: {tail or 'it printed nothing'}"


def _how_it_ended(done: Completed, script: Script) -> str:
    if done.timed_out:
        return f"did not finish {script.file} within {script.timeout:.0f} s and was ended"
    if done.exit_code > FIRST_SIGNAL:
        return f"was killed by {_signal_name(done.exit_code - FIRST_SIGNAL)} while it ran {script.file}"
    if done.exit_code:
        return f"could not run {script.file} (exit code {done.exit_code})"
    return f"gave no answer to {script.file}, as a program that is no Python does"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def quote(text: str) -> str:
    """Shorten what a program printed, and leave out what would move a terminal's cursor."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: 2 * LONGEST_QUOTE]).strip()
    return printable if len(printable) <= LONGEST_QUOTE else f"{printable[:LONGEST_QUOTE]}..."


def _parse(line: bytes, kind: type[T], name: str, script: str) -> T:
    if len(line) > LARGEST_ANSWER:
        raise CaptureError(_unsound(name, script, f"it has {len(line)} bytes, more than any environment needs"))
    try:
        return convert(msgspec.json.decode(line), kind, source="the answer")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CaptureError(_unsound(name, script, f"it is no JSON: {error}")) from error
    except InvalidFileError as error:
        raise CaptureError(_unsound(name, script, str(error))) from error


def _unsound(name: str, script: str, reason: str) -> str:
    return f"the {name} gave an unsound answer to {script}: {quote(reason)}. Does something print over it? {NEEDED}"
