"""envsnap diff."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.manifest.manifest import Manifest
from envsnap.report.lock_diff import render_lock_diff
from envsnap.workflow.diff import DiffRequest, DiffResult, diff
from envsnap.workflow.probing import CaptureRequest

MOVES_NUMBERS = 1


@click.command("diff", short_help="Say what differs between two locks, or a lock and what stands here.")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter to compare with, where B is left out.")
@click.option("--prefix", type=click.Path(path_type=Path, file_okay=False), help="The environment's folder instead.")
@click.option("--image", metavar="NAME", help="A container image instead.")
@click.option("--exit-code", is_flag=True, help="End with exit code 1 where something differs that can change numbers.")
@common_options
@click.argument("a", metavar="A", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("b", metavar="[B]", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(  # noqa: PLR0913 - one parameter an option
    *,
    a: Path,
    b: Path | None,
    python: Path | None,
    prefix: Path | None,
    image: str | None,
    exit_code: bool,
    common: CommonOptions,
) -> None:
    """Say what differs between the locks A and B, or between A and the project's environment as it stands.

    Differences that can change numbers come first, by what they belong to, then those that cannot. The job is
    not run; no lock is written. Where both sides could be read the exit code is 0, whatever differs: see --exit-code.
    """
    here = CaptureRequest(
        folder=common.project.absolute(), env=dict(os.environ), python=python, prefix=prefix, image=image, offline=True
    )
    request = DiffRequest(a=a, b=b, here=here)

    def present(compared: DiffResult) -> tuple[int, str, object]:
        code = MOVES_NUMBERS if exit_code and compared.diff.moves_numbers else 0
        text = render_lock_diff(compared.diff, compared.names, color=common.color, width=common.width)
        return code, text, _value(compared)

    conclude("diff", common, lambda progress: diff(request, progress), present)


def _value(compared: DiffResult) -> dict[str, object]:
    found = compared.diff
    groups = dict.fromkeys(one.group for one in found.differences)
    return {
        "a": _side(compared.names[0], compared.a),
        "b": _side(compared.names[1], compared.b),
        "moves-numbers": found.moves_numbers,
        "groups": [
            {"group": group, "differences": [one for one in found.differences if one.group == group]}
            for group in groups
        ],
        "same": found.same,
        "not-compared": found.not_compared,
    }


def _side(name: str, manifest: Manifest | None) -> dict[str, object]:
    return {"name": name, "snapshot": None if manifest is None else manifest.snapshot}
