"""envsnap freeze."""

import os
from pathlib import Path

import click

from envsnap.cli.show import Voice, common_options, conclude
from envsnap.manifest.lockfile import plain
from envsnap.report.summary import render_frozen
from envsnap.workflow.freeze import FreezeRequest, Frozen, freeze


@click.command("freeze", short_help="Capture this environment and the job's results into envsnap.lock.")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter to capture.")
@click.option("--prefix", type=click.Path(path_type=Path, file_okay=False), help="The environment's folder instead.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the lock here.")
@click.option("--no-run", is_flag=True, help="Capture only; the lock then has no baseline.")
@click.option("--offline", is_flag=True, help="Ask no index: lock with what earlier freezes proved.")
@common_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def command(  # noqa: PLR0913 - one parameter an option
    *,
    python: Path | None,
    prefix: Path | None,
    output: Path | None,
    no_run: bool,
    offline: bool,
    project: Path,
    json: bool,
    quiet: bool,
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Capture this environment and the job's results into envsnap.lock.

    The interpreter is the one named, else that of the active environment, of the project's .venv, or of PATH.
    The job is COMMAND (after --), else the one that envsnap.toml describes.
    """
    voice = Voice(project, json, quiet, verbose)
    request = FreezeRequest(
        folder=project.absolute(), env=dict(os.environ), python=python, prefix=prefix, output=output,
        command=command, run=not no_run, offline=offline,
    )  # fmt: skip
    conclude("freeze", voice, lambda progress: freeze(request, progress), _present)


def _present(frozen: Frozen) -> tuple[int, str, object]:
    value = {"lock": str(frozen.path), "seconds": list(frozen.seconds), "snapshot": plain(frozen.manifest.snapshot)}
    return 0, render_frozen(frozen.manifest, str(frozen.path), frozen.seconds), value
