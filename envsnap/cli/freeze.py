"""envsnap freeze."""

import os
from pathlib import Path

import click

from envsnap.cli.show import StderrProgress, Voice, common_options, conclude

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.workflow.freeze import Frozen
    from envsnap.workflow.probing import CaptureRequest, LockerName


@click.command("freeze", short_help="Capture this environment and the job's results into envsnap.lock.")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter to capture.")
@click.option("--prefix", type=click.Path(path_type=Path, file_okay=False), help="The environment's folder instead.")
@click.option("--image", metavar="NAME", help="A container image instead; the job then runs in it.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the lock here.")
@click.option("--no-run", is_flag=True, help="Capture only; the lock then has no baseline.")
@click.option("--offline", is_flag=True, help="Ask no index: lock with what earlier freezes proved.")
@click.option("--verify-files", is_flag=True, help="Hash every installed file and hold it against RECORD.")
@click.option("--deep", is_flag=True, help="Without a run: import the frameworks to record their settings.")
@click.option("--gpu-uuids", is_flag=True, help="Record the GPUs' UUIDs, which are left out otherwise.")
@click.option("--locker", type=click.Choice(["uv", "pip-tools"]), default="uv", help="Who asks the package indexes.")
@common_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def command(  # noqa: PLR0913 - one parameter an option
    *,
    python: Path | None,
    prefix: Path | None,
    image: str | None,
    output: Path | None,
    no_run: bool,
    offline: bool,
    verify_files: bool,
    deep: bool,
    gpu_uuids: bool,
    locker: "LockerName",
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
    from envsnap.workflow.probing import CaptureRequest

    wanted = CaptureRequest(
        folder=project.absolute(), env=dict(os.environ), python=python, prefix=prefix, image=image, command=command,
        offline=offline, verify_files=verify_files, deep=deep, gpu_uuids=gpu_uuids, locker=locker,
    )  # fmt: skip
    conclude("freeze", voice, lambda progress: _freeze(wanted, output, run=not no_run, progress=progress), _present)


def _freeze(wanted: "CaptureRequest", output: Path | None, *, run: bool, progress: StderrProgress) -> "Frozen":
    """Begin the probe, and import the rest while it runs: a third of a static freeze is importing."""
    from envsnap.workflow.probing import begin_probe

    with begin_probe(wanted) as probing:
        from envsnap.workflow.subject import begin_reading, open_subject

        with open_subject(wanted, probing) as subject, begin_reading(subject, probing) as begun:
            from envsnap.workflow.freeze import FreezeRequest, freeze

            return freeze(FreezeRequest(output=output, run=run), subject, begun, progress)


def _present(frozen: "Frozen") -> tuple[int, str, object]:
    from envsnap.manifest.lockfile import plain
    from envsnap.report.summary import render_frozen

    value = {
        "lock": str(frozen.path),
        "seconds": list(frozen.seconds),
        "snapshot": plain(frozen.manifest.snapshot),
        "findings": [plain(finding) for finding in frozen.manifest.contents.findings],
    }
    return 0, render_frozen(frozen.manifest, str(frozen.path), frozen.seconds), value
