"""envsnap build."""

import os
from pathlib import Path
from typing import Literal

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.cli.pipeline import Service, find_step, service_option
from envsnap.host.own_places import LOCK
from envsnap.manifest.build_spec import BuildTarget
from envsnap.report.summary import render_built
from envsnap.workflow.build import BuildRequest, BuildResult, build


@click.command("build", short_help="Rebuild the locked environment and prove that it is equal.")
@click.option(
    "--target", type=click.Choice(["docker", "venv"]), default="docker", show_default=True, help="What to build."
)
@click.option("--tag", help="Name of the image; made from the project's name and the lock's digest by default.")
@click.option("--render-only", is_flag=True, help="Write the build context and build nothing.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for what is rendered, or for the venv."
)
@click.option(
    "--network",
    type=click.Choice(["default", "host", "none"]),
    default="default",
    show_default=True,
    help="Network of the image's build steps; host reaches an index that only this machine sees.",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    help="Take lock and packages from this bundle, and use no network.",
)
@service_option
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(  # noqa: PLR0913 - one parameter an option
    *,
    lock: Path | None,
    target: BuildTarget,
    tag: str | None,
    render_only: bool,
    output: Path | None,
    network: Literal["default", "host", "none"],
    bundle: Path | None,
    ci: Service,
    common: CommonOptions,
) -> None:
    """Rebuild the environment that LOCK (envsnap.lock) records, and prove that it is equal.

    The interpreter and every package are compared by version and by RECORD; any difference ends with exit code 5.
    """
    request = BuildRequest(
        folder=common.project.absolute(),
        env=dict(os.environ),
        lock=lock or (None if bundle else common.project / LOCK),
        bundle=bundle,
        target=target,
        tag=tag,
        render_only=render_only,
        output=output,
        network=network,
    )
    step = find_step(ci, request.env, request.folder)

    def tell_failure(code: int, message: str) -> None:
        if step is not None:
            step.tell_failure("build", code, message)

    conclude("build", common, lambda progress: build(request, progress), _present, tell_failure)


def _present(built: BuildResult) -> tuple[int, str, object]:
    return 0, render_built(built.kind, built.reference, built.packages, built.unread), built
