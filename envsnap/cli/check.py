"""envsnap check."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.manifest.checkup import Checkup
from envsnap.report.lock_check import render_lock_check
from envsnap.workflow.check import INPUTS, CheckRequest, check

DIFFERS, OTHER_INPUTS = 5, 6


@click.command("check", short_help="Say in a second whether the lock belongs to the project as it stands.")
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(*, lock: Path | None, common: CommonOptions) -> None:
    """Say whether LOCK (envsnap.lock) still belongs to settings, declared dependencies, inputs and baseline.

    Nothing is run or built, and no index is asked, so that it can stand before every commit. Inputs and baselines of
    more than 64 MiB are held to their sizes alone. Exit code 6 where inputs alone are others, 5 where anything else is.
    """
    request = CheckRequest(folder=common.project.absolute(), env=dict(os.environ), lock=lock)

    def present(checkup: Checkup) -> tuple[int, str, object]:
        failed = {one.name for one in checkup.checks if one.status == "fail"}
        code = OTHER_INPUTS if failed == {INPUTS} else DIFFERS if failed else 0
        return code, render_lock_check(checkup, color=common.color, width=common.width), checkup

    conclude("check", common, lambda progress: check(request, progress), present)
