"""The CI service that a command runs under: what GitHub Actions is told, through the files and the stream it reads."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from envsnap.cli.streams import is_github
from envsnap.host.own_places import SETTINGS
from envsnap.manifest.verdict import Verdict
from envsnap.report.github import (
    SUMMARY_BYTES,
    SummaryFacts,
    annotations,
    failed_outputs,
    failure_annotation,
    render_failure,
    render_outputs,
    render_summary,
)

Service = Literal["auto", "github", "none"]
NO_VERDICT = "error"


def service_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--ci``; the command gets it as ``ci``."""
    return click.option(
        "--ci",
        type=click.Choice(["auto", "github", "none"]),
        default="auto",
        show_default=True,
        help="Who gets a job summary, annotations and outputs; auto: GitHub, where GITHUB_ACTIONS is true.",
    )(command)


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubStep:
    """A step of a workflow.

    Args:
        summary: the file of GITHUB_STEP_SUMMARY; None where it is not set.
        output: the file of GITHUB_OUTPUT; None where it is not set.
        settings: the file that annotations point to, relative to the repository; "" where it is not told.
    """

    summary: Path | None
    output: Path | None
    settings: str

    def tell_verdict(
        self, verdict: Verdict, facts: SummaryFacts, *, code: int, files: Mapping[str, Path | None]
    ) -> None:
        """Write annotations, summary and outputs; ``files`` are the reports, by the name of the output."""
        self._annotate(annotations(verdict, self.settings))
        self._summarize(lambda room: render_summary(verdict, facts, room=room))
        reports = {name: str(path) for name, path in files.items() if path is not None}
        self._set_outputs(_outputs(verdict.status, code, facts.digest, failed_outputs(verdict)) | reports)

    def tell_failure(self, command: str, code: int, message: str) -> None:
        """Do the same for an error that left no verdict."""
        self._annotate((failure_annotation(command, message, self.settings),))
        self._summarize(lambda room: render_failure(command, code, message, room=room))
        self._set_outputs(_outputs(NO_VERDICT, code, "", "[]"))

    def _annotate(self, lines: tuple[str, ...]) -> None:
        """Print on standard error, which the runner reads as it does standard output: that one may be ``--json``'s."""
        for line in lines:
            click.echo(line, err=True)

    def _summarize(self, render: Callable[[int], str]) -> None:
        if self.summary is not None:
            with _naming(self.summary):
                there = self.summary.stat().st_size if self.summary.exists() else 0
                _append(self.summary, f"\n{render(SUMMARY_BYTES - there - 1)}")

    def _set_outputs(self, values: Mapping[str, str]) -> None:
        if self.output is not None:
            with _naming(self.output):
                _append(self.output, render_outputs(values, f"end-{secrets.token_hex(16)}"))


def find_step(service: Service, env: Mapping[str, str], project: Path) -> GithubStep | None:
    """Return the step that the command runs in, or None where no service is to be told.

    Args:
        service: what the user said.
        env: the caller's environment.
        project: the project's folder.
    """
    if service == "none" or (service == "auto" and not is_github(env)):
        return None
    places = [Path(env[name]) if env.get(name) else None for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")]
    return GithubStep(summary=places[0], output=places[1], settings=_settings(project, env.get("GITHUB_WORKSPACE", "")))


def _settings(project: Path, workspace: str) -> str:
    found = next((project / name for name in SETTINGS if (project / name).is_file()), None)
    if found is None or not workspace:
        return ""
    path = os.path.relpath(os.path.realpath(found.parent), os.path.realpath(workspace))
    return "" if path == ".." or path.startswith("../") else os.path.normpath(f"{path}/{found.name}")


def _outputs(verdict: str, code: int, digest: str, failed: str) -> dict[str, str]:
    return {"verdict": verdict, "exit-code": str(code), "lock-digest": digest, "failed-outputs": failed}


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name what cannot be written; the exit code stays that of the verdict, which counts more."""
    try:
        yield
    except OSError as error:
        click.echo(f"envsnap: warning: {path} cannot be written, so GitHub is not told: {error.strerror}", err=True)
