"""envsnap bundle."""

import os
from pathlib import Path
from typing import assert_never

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.cli.progress import StderrProgress
from envsnap.errors import UsageError
from envsnap.host.own_places import LOCK
from envsnap.report.bundle import render_bundled, render_unpacked
from envsnap.workflow.bundle.bundle import BundleRequest, BundleResult, UnpackResult, bundle, unpack


@click.command("bundle", short_help="Put the lock and all that it needs into one folder or archive.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to: an archive if it ends with .tar, else a folder; .envsnap/bundle by default.",
)
@click.option(
    "--python",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The captured interpreter, for wheels that no index has any more; as in freeze by default.",
)
@click.option(
    "--prefix", type=click.Path(path_type=Path, file_okay=False), help="The captured environment, in its place."
)
@click.option(
    "--unpack",
    "unpacked",
    metavar="BUNDLE",
    type=click.Path(path_type=Path, exists=True),
    help="Make a project folder, --output, out of this bundle.",
)
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(
    *,
    lock: Path | None,
    output: Path | None,
    python: Path | None,
    prefix: Path | None,
    unpacked: Path | None,
    common: CommonOptions,
) -> None:
    """Put LOCK (envsnap.lock) and all that it needs into one folder or archive; build and verify then need no network.

    A bundle holds every wheel and conda package, the baseline, and the source at its commit with the uncommitted
    changes; it does not hold the inputs. A wheel that no index has any more is made from the installed files. An
    interrupted bundle is continued by running it again.
    """
    request = BundleRequest(
        folder=common.project.absolute(),
        env=dict(os.environ),
        lock=lock or common.project / LOCK,
        output=output,
        python=python,
        prefix=prefix,
    )

    def work(progress: StderrProgress) -> BundleResult | UnpackResult:
        if unpacked is None:
            return bundle(request, progress)
        if lock is not None or python is not None or prefix is not None:
            raise UsageError("--unpack takes everything from the bundle: leave LOCK, --python and --prefix out")
        if output is None:
            raise UsageError("--unpack needs a folder that is empty or not there yet: name it with --output")
        return unpack(unpacked, output, progress)

    conclude("bundle", common, work, _present)


def _present(done: BundleResult | UnpackResult) -> tuple[int, str, object]:
    match done:
        case UnpackResult():
            text = render_unpacked(str(done.project), done.lock, done.inputs)
            return 0, text, {"project": done.project, "lock": done.lock, "inputs": done.inputs}
        case BundleResult():
            value = {
                "path": done.path,
                "size": done.index.size,
                "fetched": done.fetched,
                "inputs": done.inputs,
                "index": done.index,
            }
            return 0, render_bundled(str(done.path), done.index, done.fetched, done.inputs), value
        case _:
            assert_never(done)
