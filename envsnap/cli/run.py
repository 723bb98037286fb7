"""envsnap run."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.host.own_places import LOCK
from envsnap.manifest.build_spec import BuildTarget
from envsnap.report.printable import printable
from envsnap.workflow.run import RunRequest, RunResult, run


@click.command("run", short_help="Run the job, or a command, in the rebuilt environment, and judge nothing.")
@click.option(
    "--lock", type=click.Path(path_type=Path, dir_okay=False), help="The lock; the project's envsnap.lock by default."
)
@click.option("--target", type=click.Choice(["docker", "venv"]), help="Where to run; what was built last by default.")
@click.option("--image", help="Run in this image.")
@click.option("--no-build", is_flag=True, help="Refuse where nothing was built from this lock; it is built otherwise.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    help="Take lock and packages from this bundle, and use no network.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave the outputs in this folder; in the project, where the job puts them, by default.",
)
@common_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def command(  # noqa: PLR0913 - one parameter an option
    *,
    lock: Path | None,
    target: BuildTarget | None,
    image: str | None,
    no_build: bool,
    bundle: Path | None,
    output: Path | None,
    common: CommonOptions,
    command: tuple[str, ...],
) -> None:
    """Run the job, or COMMAND (after --) in its place, in the environment that was rebuilt from the lock.

    It gets what it gets at verify: seed, threads, settings, the project without baseline and former outputs. What it
    prints goes to standard output, with --json to standard error. Nothing is compared; exit code 6 says that it failed.
    Beside its outputs, all that it wrote lies in .envsnap/runs.
    """

    def show(line: str) -> None:
        click.echo(printable(line.expandtabs()), err=common.json)

    request = RunRequest(
        folder=common.project.absolute(),
        env=dict(os.environ),
        lock=lock or (None if bundle else common.project / LOCK),
        command=command,
        bundle=bundle,
        target=target,
        image=image,
        build=not no_build,
        output=output.absolute() if output else None,
        on_output=show,
    )
    conclude("run", common, lambda progress: run(request, progress), _present, in_place=False)


def _present(ran: RunResult) -> tuple[int, str, object]:
    value = {
        "environment": ran.environment,
        "built": ran.built,
        "seconds": ran.seconds,
        "folder": ran.folder,
        "outputs": [{"path": output.path, "sha256": output.sha256, "size": output.size} for output in ran.outputs],
    }
    return 0, "", value
