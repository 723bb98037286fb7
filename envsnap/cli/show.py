"""envsnap show."""

from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.host.own_places import LOCK
from envsnap.manifest.manifest import Manifest
from envsnap.report.lock_page import render_lock_page
from envsnap.report.overview import describe_lock
from envsnap.workflow.show import ShowRequest, show


@click.command("show", short_help="Say in one screen what a lock pins, and what to know of it.")
@click.option("--bundle", type=click.Path(path_type=Path, exists=True), help="Show the lock of this bundle.")
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(*, lock: Path | None, bundle: Path | None, common: CommonOptions) -> None:
    """Say in one screen what LOCK (the project's envsnap.lock) pins, and what to know of it.

    Who wrote it, interpreter, machine and packages, the code, the job and its outputs, how its baseline came to be,
    what can move its numbers, and what to run next. What does not fit is counted; --json has it all.
    """
    if lock is not None and bundle is not None:
        raise click.UsageError("a bundle holds its own lock: leave LOCK or --bundle out")
    request = ShowRequest(
        folder=common.project.absolute(), lock=lock or (None if bundle else common.project / LOCK), bundle=bundle
    )

    def present(manifest: Manifest) -> tuple[int, str, object]:
        overview = describe_lock(manifest, _name(request), _named_by(common.project, lock, bundle))
        return 0, render_lock_page(overview, color=common.color, width=common.width), overview

    conclude("show", common, lambda progress: show(request, progress), present)


def _name(request: ShowRequest) -> str:
    return str(request.bundle or request.lock or LOCK)


def _named_by(project: Path, lock: Path | None, bundle: Path | None) -> tuple[str, ...]:
    """Return the arguments that name the same lock to another command."""
    place = () if project == Path() else ("--project", str(project))
    if bundle is not None:
        return (*place, "--bundle", str(bundle))
    return place if lock is None or lock == Path(LOCK) else (*place, str(lock))
