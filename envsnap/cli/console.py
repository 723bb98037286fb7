"""How a command ends: its result on standard output, or its error on standard error, and its exit code."""

import contextlib
import functools
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from envsnap.cli.main import INTERRUPTED, UNEXPECTED
from envsnap.cli.progress import StderrProgress
from envsnap.cli.streams import inert, is_github, is_terminal, tell
from envsnap.errors import EnvsnapError
from envsnap.host.credentials import mask_credentials
from envsnap.report.github import inert_json
from envsnap.report.printable import printable

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommonOptions:
    """What every command is told: where the project lies, how much to tell, and in which form."""

    project: Path
    json: bool
    quiet: bool
    verbose: bool

    @property
    def color(self) -> bool:
        """Whether standard output takes colours: it is a terminal, and NO_COLOR is not set (https://no-color.org)."""
        return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 where there is none."""
        return shutil.get_terminal_size((100, 24)).columns if is_terminal(sys.stdout) else 100


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every command has; it gets them as ``common``."""

    @functools.wraps(command)
    def with_common(*, project: Path, json: bool, quiet: bool, verbose: bool, **others: object) -> None:
        command(common=CommonOptions(project=project, json=json, quiet=quiet, verbose=verbose), **others)

    options = (
        click.option(
            "--project",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path(),
            help="Folder of the project; the current one by default.",
        ),
        click.option(
            "--json", is_flag=True, help="Print one JSON document on standard output, and nothing else there."
        ),
        click.option("-q", "--quiet", is_flag=True, help="Tell only warnings and errors."),
        click.option("-v", "--verbose", is_flag=True, help="Show the output of the job and the builder."),
        click.help_option("-h", "--help"),
    )
    for option in reversed(options):
        with_common = option(with_common)
    return with_common


def conclude(
    name: str,
    common: CommonOptions,
    work: Callable[[StderrProgress], R],
    present: Callable[[R], tuple[int, str, object]],
    on_failure: Callable[[int, str], None] = lambda _code, _message: None,
    *,
    in_place: bool = True,
) -> None:
    """Do a command's work, print its result and exit.

    Args:
        name: the command.
        common: the options that every command has.
        work: what to do; it gets the progress.
        present: turns a result into exit code, text for people, and value for ``--json``.
        on_failure: is told exit code and message where there is no result.
        in_place: whether the progress may show a line in place; see StderrProgress.
    """
    logging.basicConfig(level=logging.DEBUG if common.verbose else logging.WARNING, format="envsnap: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.getLogger("docker").setLevel(logging.WARNING)
    progress = StderrProgress(quiet=common.quiet, verbose=common.verbose, in_place=in_place)
    fail = functools.partial(_fail, name, common, on_failure)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a CI that cancels gets the same clean end as Ctrl-C
    signal.signal(signal.SIGHUP, signal.default_int_handler)  # and so does a terminal that goes away
    try:
        with contextlib.closing(progress):
            code, text, value = present(work(progress))
    except EnvsnapError as error:
        fail(error.exit_code, str(error))
    except KeyboardInterrupt:
        fail(INTERRUPTED, "interrupted")
    except OSError as error:
        fail(UNEXPECTED, f"this machine refused: {error}")
    except Exception as error:  # noqa: BLE001 - the outermost frame: whatever it is, it must not end with exit code 1
        import traceback

        tell(traceback.format_exc().rstrip("\n"))
        fail(UNEXPECTED, f"unexpected {type(error).__name__}: {error}; please report it with the above")
    if not _print(_document(name, code, value) if common.json else inert(text)):
        code = UNEXPECTED
    sys.exit(code)


def _print(text: str) -> bool:
    """Print to standard output and return whether that was possible; Python's own exit code, 1, would say otherwise."""
    try:
        click.echo(text, nl=False)
    except OSError as error:
        with contextlib.suppress(OSError):
            click.echo(f"envsnap: error: the result cannot be printed: {error.strerror}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more at its end
        return False
    return True


def _document(name: str, code: int, value: object, message: str | None = None) -> str:
    from envsnap.report.envelope import envelope

    document = envelope(name, code, value, message)
    return inert_json(document) if is_github(os.environ) else document


def _fail(name: str, common: CommonOptions, on_failure: Callable[[int, str], None], code: int, message: str) -> None:
    message = mask_credentials(message)
    if common.json:
        _print(_document(name, code, None, message))
    lines = "\n".join(printable(line) for line in message.split("\n"))
    with contextlib.suppress(OSError):  # nobody reads it: the exit code says the same
        tell(f"envsnap: error: {lines}")
        on_failure(code, message)
    sys.exit(code)
