"""envsnap verify."""

import os
from pathlib import Path
from typing import Literal

import click

from envsnap.cli.show import Voice, common_options, conclude
from envsnap.errors import UsageError
from envsnap.report.envelope import envelope
from envsnap.report.junit import junit
from envsnap.report.terminal import render_verdict
from envsnap.workflow.project import LOCK
from envsnap.workflow.verify import Verified, VerifyRequest, verify

PAGE_WIDTH = 120
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


@click.command("verify", short_help="Rerun the job in the rebuilt environment and compare the numbers.")
@click.option("--target", type=click.Choice(["docker", "venv"]), help="Where to run; what was built last by default.")
@click.option("--image", help="Run in this image.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How often to rerun the job.")
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write table, JSON and JUnit into this folder."
)
@click.option(
    "--junit", "junit_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report here."
)
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(  # noqa: PLR0913 - one parameter an option
    *,
    lock: Path | None,
    target: Literal["docker", "venv"] | None,
    image: str | None,
    runs: int,
    report: Path | None,
    junit_file: Path | None,
    project: Path,
    json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Rerun the job in the environment that was rebuilt from LOCK (envsnap.lock), and compare with the baseline.

    Inputs that are not the recorded ones, and an environment that is not the locked one, are refused before anything
    runs.
    """
    voice = Voice(project, json, quiet, verbose)
    request = VerifyRequest(
        folder=project.absolute(),
        env=dict(os.environ),
        lock=lock or project / LOCK,
        target=target,
        image=image,
        runs=runs,
    )

    def present(verified: Verified) -> tuple[int, str, object]:
        code = EXIT_CODES[verified.verdict.status]
        value = {"environment": verified.environment, "seconds": verified.seconds, "verdict": verified.verdict}
        suites = junit(verified.verdict, name=request.folder.resolve().name, seconds=sum(verified.seconds))
        if junit_file is not None:
            write(junit_file, suites)
        if report is not None:
            write(report / "verify.txt", table(verified, color=False, width=PAGE_WIDTH))
            write(report / "verify.json", envelope("verify", code, value))
            write(report / "junit.xml", suites)
        return code, table(verified, color=voice.color, width=voice.width), value

    conclude("verify", voice, lambda progress: verify(request, progress), present)


def table(verified: Verified, *, color: bool, width: int) -> str:
    """Return the verdict for people, and where the job ran."""
    text = render_verdict(verified.verdict, color=color, width=width)
    return f"{text.rstrip()}\nran in the {verified.environment}\n"


def write(path: Path, text: str) -> None:
    """Write one report.

    Raises:
        UsageError: its place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the report {path} cannot be written: {error.strerror}") from error
