"""Printing: whether somebody looks on, and lines that no runner of a CI service takes for commands."""

import os
from collections.abc import Mapping
from typing import IO

import click

from envsnap.report.github import inert_lines


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a person looks on."""
    return stream is not None and stream.isatty()  # None: whoever started envsnap closed it


def is_github(env: Mapping[str, str]) -> bool:
    """Tell whether a runner of GitHub Actions, or what takes its place, reads what is printed."""
    return env.get("GITHUB_ACTIONS") == "true"


def tell(text: str) -> None:
    """Print to standard error."""
    click.echo(inert(text), err=True)


def inert(text: str) -> str:
    """Return text of which GitHub's runner takes no line for a command: it may come from a job."""
    return inert_lines(text) if is_github(os.environ) else text
