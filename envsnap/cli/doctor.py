"""envsnap doctor."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.errors import MissingToolError
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.checkup import Checkup
from envsnap.report.doctor import render_checkup
from envsnap.workflow.doctor.doctor import examine_machine
from envsnap.workflow.doctor.machine import DoctorRequest


@click.command(
    "doctor",
    short_help="Say whether this machine can rebuild and rerun the lock.",
    epilog="Exit code 0: it can, whatever the warnings; 7: a check failed.",
)
@click.option(
    "--target",
    type=click.Choice(["docker", "venv"]),
    help="The rebuild that must be possible; one of them is enough by default.",
)
@click.option(
    "--online", is_flag=True, help="Also ask the hosts of the locked wheels; no network is touched otherwise."
)
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(
    *,
    lock: Path | None,
    target: BuildTarget | None,
    online: bool,
    common: CommonOptions,
) -> None:
    """Say whether this machine can rebuild and rerun LOCK (the project's envsnap.lock), and what to do if not.

    It looks at engine, interpreter, tools, disk, CPU, GPUs and driver, and at the files that a rerun reads; nothing is
    built, run or written. Where there is no lock, it looks at the machine alone.
    """
    request = DoctorRequest(
        folder=common.project.absolute(), env=dict(os.environ), lock=lock, target=target, online=online
    )

    def present(checkup: Checkup) -> tuple[int, str, object]:
        code = MissingToolError.exit_code if checkup.status == "fail" else 0
        value = {"lock": checkup.lock, "digest": checkup.digest, "status": checkup.status, "checks": checkup.checks}
        return code, render_checkup(checkup, color=common.color, width=common.width), value

    conclude("doctor", common, lambda progress: examine_machine(request, progress), present)
