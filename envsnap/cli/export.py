"""envsnap export."""

from pathlib import Path
from typing import get_args

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.host.own_places import LOCK
from envsnap.report.printable import printable
from envsnap.workflow.export import ExportRequest, ExportResult, Format, export


@click.command("export", short_help="Write the lock in a format that another tool reads.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, or a folder for one of the usual name; standard output by default.",
)
@click.option("--allow-incomplete", is_flag=True, help="Write the file without the packages that it cannot hold.")
@common_options
@click.argument("wanted", metavar="FORMAT", type=click.Choice(get_args(Format), case_sensitive=False))
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(
    *,
    wanted: Format,
    lock: Path | None,
    output: Path | None,
    allow_incomplete: bool,
    common: CommonOptions,
) -> None:
    """Write LOCK (envsnap.lock) as FORMAT, for a tool that is not envsnap.

    \b
    pylock           pylock.toml (PEP 751), for uv pip sync and pip install -r
    requirements     hashed lines, for pip install --no-deps --require-hashes -r
    environment.yml  versions and builds, for conda env create
    conda-explicit   URLs with SHA-256, for conda create --file
    conda-lock       conda-lock.yml, conda's packages and pip's (needs 'envsnap[conda]')
    cyclonedx        a CycloneDX 1.6 bill of materials in JSON

    A package that FORMAT cannot hold is named, and nothing is written, unless --allow-incomplete is given. Paths in the
    file are relative to it, on standard output to the folder of LOCK.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    request = ExportRequest(
        folder=common.project.absolute(),
        lock=lock or common.project / LOCK,
        format=wanted,
        output=output,
        allow_incomplete=allow_incomplete,
    )
    conclude("export", common, lambda progress: export(request, progress), _present)


def _present(done: ExportResult) -> tuple[int, str, object]:
    exported, digest = done.exported, done.manifest.snapshot.digest
    text = exported.text
    if done.path is not None:
        text = f"{printable(str(done.path))}: {exported.packages} entries, of the lock {digest[:12]}\n"
    value = {
        "format": done.format,
        "manifest": digest,
        "path": None if done.path is None else str(done.path),
        "text": exported.text if done.path is None else None,
        "packages": exported.packages,
        "left-out": exported.left_out,
        "remarks": exported.remarks,
    }
    return 0, text, value
