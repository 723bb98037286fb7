"""What GitHub Actions is told of a command: the job summary, annotations, outputs; text of a job is inert in all three.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_letters, digits

from envsnap.manifest.phrases import plural
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict, Status, Verdict
from envsnap.report.printable import printable

SUMMARY_BYTES = 900 * 2**10
"""GitHub refuses the whole summary of a step above 1 MiB."""
OUTPUT_BYTES = 64 * 2**10
"""Of the list of outputs: a step that takes it as a variable may have 128 KiB in one (Linux, MAX_ARG_STRLEN)."""
MOST_ERRORS = 9
"""GitHub drops every annotation of a step beyond the tenth, without a word."""
MANY_PASSES = 5
"""More passing items of one output than this become one row."""
LONGEST_NAME, LONGEST_SENTENCE = 300, 1500
MOST_TIMES, MOST_REASONS = 50, 3

_ORDER: tuple[Status, ...] = ("fail", "inconclusive", "pass", "ignored")
_SYMBOLS: dict[Status, str] = {"fail": "❌", "inconclusive": "⚠️", "pass": "✅", "ignored": "⏭️"}
_PLAIN = frozenset(ascii_letters + digits + " ,")
_COMMAND = re.compile(r"((?:^|[\r\n])\s*):(?=:)")
_OLD_COMMAND = "##["
"""The runner takes ``::name::`` at the start of a line, blanks before it or not, and ``##[name]`` anywhere in it:
https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryFacts:
    """What a summary says beside the verdict: the project's name, where the job ran, how long, the lock's digest."""

    project: str
    environment: str
    seconds: tuple[float, ...]
    digest: str


def inert_lines(text: str) -> str:
    r"""Write lines so that the runner takes none for a command: ``::`` as ``\x3a:``, ``##[`` as ``#\x23[``."""
    return _COMMAND.sub(r"\1\\x3a", text).replace(_OLD_COMMAND, r"#\x23[")


def inert_json(document: str) -> str:
    """Do the same for a JSON document of one line, which says the same afterwards."""
    return document.replace(_OLD_COMMAND, r"#\u0023[")


def inert_markdown(text: str, longest: int) -> str:
    """Write text so that neither Markdown nor HTML is seen in it: every sign is a numeric character reference.

    "Numeric character references cannot be used in place of symbols indicating structure": https://spec.commonmark.org/.
    """
    return "".join(
        character if character in _PLAIN or character.isalnum() else f"&#{ord(character)};"
        for character in printable(_cut(text.strip(), longest))  # four blanks would begin a block of code
    )


def annotations(verdict: Verdict, file: str) -> tuple[str, ...]:
    """Return a workflow command for each output that is no pass, the worst first; of many nine, and the others' count.

    Args:
        verdict: what verify came to.
        file: the settings, relative to the repository; "" for none.
    """
    wrong = [output for output in _worst_first(verdict.outputs) if output.status != "pass"]
    lines = [_error(f"{output.path}: {output.status}", _reason(output), file) for output in wrong[:MOST_ERRORS]]
    if len(wrong) > MOST_ERRORS:
        lines.append(_error("envsnap verify", f"and {plural(len(wrong) - MOST_ERRORS, 'output')} more", file))
    if verdict.status != "pass" and not lines:
        lines.append(_error("envsnap verify", verdict.reason, file))
    return tuple(lines)


def failure_annotation(command: str, message: str, file: str) -> str:
    """Return the workflow command for an error that ended ``envsnap command``."""
    return _error(f"envsnap {command}", message, file)


def render_summary(verdict: Verdict, facts: SummaryFacts, *, room: int) -> str:
    """Write a verdict in Markdown: what failed first, then what passed, then the notes.

    Args:
        verdict: what verify came to.
        facts: what stands around it.
        room: bytes that the summary may have; "" comes back where not even its head fits.
    """
    head, foot = _head(verdict, facts), _foot(verdict, facts, room // 4)
    rows = list(_rows(verdict))
    left = room - _size(head) - _size(foot) - 200  # the heading of the table, and how many rows are left out
    if left < 0:
        return head if _size(head) <= room else ""
    shown = list(_fitting(rows, left))
    table = ["| | output | item | values | max difference | |", "|---|---|---|---:|---:|---|", *shown] if shown else []
    if len(shown) < len(rows):
        table += ["", f"and {plural(len(rows) - len(shown), 'row')} more, in the table of `envsnap verify --report`"]
    return head + "".join(f"{line}\n" for line in table) + foot


def render_failure(command: str, code: int, message: str, *, room: int) -> str:
    """Write the error that ended a command in Markdown; "" where there is no room for it, in bytes."""
    lines = message.split("\n")
    shown = list(_fitting((f"> {inert_markdown(line, LONGEST_SENTENCE)}<br>" for line in lines), room - 200))
    if len(shown) < len(lines):
        shown.append(f"> and {plural(len(lines) - len(shown), 'line')} more, in the log")
    text = f"## 🛑 envsnap {command}: no verdict, exit code {code}\n\n" + "\n".join(shown) + "\n\n"
    return text if _size(text) <= room else ""


def render_outputs(values: Mapping[str, str], delimiter: str) -> str:
    """Write a step's outputs, each between lines that say ``delimiter``, which nobody can guess.

    Raises:
        ValueError: a value holds the delimiter.
    """
    if any(delimiter in value for value in values.values()):
        raise ValueError(f"the delimiter {delimiter} stands in a value")
    return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())


def failed_outputs(verdict: Verdict) -> str:
    """Return the paths of the outputs that are no pass as JSON, the worst first, as many as a variable takes."""
    paths = [json.dumps(output.path) for output in _worst_first(verdict.outputs) if output.status != "pass"]
    return f"[{', '.join(_fitting(paths, OUTPUT_BYTES))}]"


def _error(title: str, message: str, file: str) -> str:
    properties = {"file": file, "title": _cut(title, LONGEST_NAME)}
    named = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items() if value)
    return f"::error {named}::{_escape(_cut(message, LONGEST_SENTENCE))}"


def _escape(text: str) -> str:
    """Escape as https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts does; lines stay lines."""
    lines = "%0A".join(printable(line).replace("%", "%25") for line in text.split("\n"))
    return lines.replace(_OLD_COMMAND, r"#\x23[")


def _escape_property(text: str) -> str:
    return _escape(printable(text)).replace(":", "%3A").replace(",", "%2C")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _size(text: str) -> int:
    return len(text.encode())


def _fitting(lines: Iterable[str], room: int) -> Iterator[str]:
    for line in lines:
        room -= _size(line) + 2
        if room < 0:
            return
        yield line


def _worst_first(outputs: Iterable[OutputVerdict]) -> list[OutputVerdict]:
    def severity(output: OutputVerdict) -> tuple[int, tuple[float, float, float]]:
        return _ORDER.index(output.status), min(map(_severity, output.items), default=(0, 0, 0))

    return sorted(outputs, key=severity)


def _severity(item: ItemVerdict) -> tuple[float, float, float]:
    """Sort what failed before what passed, then by how many values lie beyond, then by how far."""
    largest = item.max_absolute or 0.0
    return _ORDER.index(item.status), -item.beyond, -math.inf if math.isnan(largest) else -largest


def _reason(output: OutputVerdict) -> str:
    wrong = sorted((item for item in output.items if item.status == output.status), key=_severity)
    lines = [f"{item.name}: {item.reason}" if item.name else item.reason for item in wrong[:MOST_REASONS]]
    if len(wrong) > MOST_REASONS:
        lines.append(f"and {plural(len(wrong) - MOST_REASONS, 'item')} more")
    return "\n".join(_cut(line, LONGEST_NAME) for line in lines) or output.reason


def _head(verdict: Verdict, facts: SummaryFacts) -> str:
    name, reason = inert_markdown(facts.project, LONGEST_NAME), inert_markdown(verdict.reason, LONGEST_SENTENCE)
    return f"## {_SYMBOLS[verdict.status]} envsnap verify: {name}: {verdict.status}\n\n{reason}\n\n"


def _foot(verdict: Verdict, facts: SummaryFacts, room: int) -> str:
    times = ", ".join(f"{seconds:.1f} s" for seconds in facts.seconds[:MOST_TIMES])
    ran = f"ran in the {facts.environment} ({times}); lock {facts.digest[:12]}"
    lines = [*_notes(verdict.notes, room), inert_markdown(ran, LONGEST_SENTENCE)]
    return "".join(f"\n{line}\n" for line in lines) + "\n"


def _notes(notes: Sequence[str], room: int) -> Iterator[str]:
    if not notes:
        return
    lines = list(_fitting((f"- {inert_markdown(note, LONGEST_SENTENCE)}" for note in notes), room))
    if len(notes) > len(lines):
        lines.append(f"- and {len(notes) - len(lines)} more")
    yield f"<details open><summary>{plural(len(notes), 'note')}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _rows(verdict: Verdict) -> Iterator[str]:
    for output in _worst_first(verdict.outputs):
        items = sorted(output.items, key=_severity)
        passed = [item for item in items if item.status == "pass"]
        collapsed = len(passed) > MANY_PASSES
        if output.status not in {"pass", *(item.status for item in items)} or not items:
            yield _row(output.status, output.path, "", "", "", output.reason)
        yield from (_item_row(output, item) for item in items if item.status != "pass" or not collapsed)
        if collapsed:
            values = sum(item.count for item in passed)
            largest = max((item.max_absolute or 0.0 for item in passed), default=0.0)
            yield _row("pass", output.path, f"{len(passed)} items", str(values), f"{largest:.2g}", "")


def _item_row(output: OutputVerdict, item: ItemVerdict) -> str:
    distance = "0" if item.max_absolute is None else f"{item.max_absolute:.2g}"
    return _row(item.status, output.path, item.name, str(item.count), distance, item.reason)


def _row(status: Status, path: str, name: str, values: str, distance: str, reason: str) -> str:
    names = (f"<code>{inert_markdown(text, LONGEST_NAME)}</code>" if text else "" for text in (path, name))
    sentence = inert_markdown(reason, LONGEST_SENTENCE)
    return " | ".join((f"| {_SYMBOLS[status]} {status}", *names, values, distance, f"{sentence} |"))
