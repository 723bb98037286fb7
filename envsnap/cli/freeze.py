"""envsnap freeze."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envsnap.lock.specification.specification_file import SpecificationRequest
    from envsnap.manifest.specification import SpecificationFormat
    from envsnap.workflow.freeze import FreezeResult
    from envsnap.workflow.probing import LockerName

FORMATS = ("requirements", "pyproject", "pylock", "uv-lock", "pipfile-lock", "environment-yml", "conda-lock")
"""Those of manifest/specification.py, which is not imported here: start-up is a feature."""


@click.command("freeze", short_help="Capture this environment and the job's results into envsnap.lock.")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter to capture.")
@click.option("--prefix", type=click.Path(path_type=Path, file_okay=False), help="The environment's folder instead.")
@click.option("--image", metavar="NAME", help="A container image instead; the job then runs in it.")
@click.option(
    "--from",
    "from_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Lock what FILE asks for, not what is installed; the job is not run.",
)
@click.option("--from-format", type=click.Choice(FORMATS), help="How to read FILE; its name tells by default.")
@click.option("--extra", multiple=True, metavar="NAME", help="With --from: an extra of the project; repeatable.")
@click.option("--group", multiple=True, metavar="NAME", help="With --from: a dependency group; repeatable.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the lock here.")
@click.option("--no-run", is_flag=True, help="Capture only; the lock then has no baseline.")
@click.option("--profile", metavar="NAME", help="Freeze this profile of the job, beside what the lock has.")
@click.option("--drop-others", is_flag=True, help="Leave baselines out that were recorded with something else.")
@click.option("--runs", type=click.IntRange(1, 1000), help="How often to run the job, this time.")
@click.option("--record", is_flag=True, help="Take the outputs that stand in the project as the baseline; run nothing.")
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
    from_file: Path | None,
    from_format: "SpecificationFormat | None",
    extra: tuple[str, ...],
    group: tuple[str, ...],
    output: Path | None,
    no_run: bool,
    profile: str | None,
    drop_others: bool,
    runs: int | None,
    record: bool,
    offline: bool,
    verify_files: bool,
    deep: bool,
    gpu_uuids: bool,
    locker: "LockerName",
    common: CommonOptions,
    command: tuple[str, ...],
) -> None:
    """Capture this environment and the job's results into envsnap.lock.

    The interpreter is the one named, else that of the active environment, of the project's .venv, or of PATH.
    The job is COMMAND (after --), else the one that envsnap.toml describes.

    --from reads requirements.in and requirements.txt, pyproject.toml, pylock.toml, uv.lock, Pipfile.lock,
    environment.yml and conda-lock.yml. What it asks for is resolved for the interpreter, where it is not locked yet.
    """
    given = {"--from": from_file, "--no-run": no_run or None, "--runs": runs, "--record": record or None}
    _refuse_contradictions({name for name, value in {**given, "--profile": profile}.items() if value is not None})
    specification = _specification(from_file, from_format, extra, group)
    from envsnap.workflow.freeze import FreezeRequest, freeze
    from envsnap.workflow.probing import CaptureRequest

    wanted = CaptureRequest(
        folder=common.project.absolute(), env=dict(os.environ), python=python, prefix=prefix, image=image,
        command=command, profile=profile, offline=offline, verify_files=verify_files, deep=deep, gpu_uuids=gpu_uuids,
        locker=locker, specification=specification,
    )  # fmt: skip
    request = FreezeRequest(
        capture=wanted, output=output, run=not no_run, runs=runs, standing=record, drop_others=drop_others
    )
    conclude("freeze", common, lambda progress: freeze(request, progress), _present)


CONTRADICTIONS = (
    ("--record", ("--no-run", "--runs"), "takes the outputs as they stand, and runs nothing"),
    ("--runs", ("--no-run", "--from"), "says how often to run the job, which is not run then"),
    ("--profile", ("--no-run",), "records a baseline, and nothing is recorded then"),
)


def _refuse_contradictions(given: set[str]) -> None:
    for option, others, does in CONTRADICTIONS:
        for other in others:
            if option in given and other in given:
                raise click.UsageError(f"{option} {does}: leave {other} out")
    if {"--profile", "--from"} <= given and "--record" not in given:
        raise click.UsageError("--profile records a baseline, and --from runs no job: leave one out, or give --record")


def _specification(
    path: Path | None, kind: "SpecificationFormat | None", extras: tuple[str, ...], groups: tuple[str, ...]
) -> "SpecificationRequest | None":
    if path is None:
        if kind or extras or groups:
            raise click.UsageError("--from-format, --extra and --group say how to read the file of --from: name one")
        return None
    from envsnap.lock.specification.specification_file import SpecificationRequest

    return SpecificationRequest(path=path, format=kind, extras=extras, groups=groups)


def _present(frozen: "FreezeResult") -> tuple[int, str, object]:
    from collections import Counter

    from envsnap.manifest.lockfile import plain
    from envsnap.report.summary import render_frozen

    contents = frozen.manifest.contents
    value = {
        "lock": str(frozen.path),
        "profile": frozen.profile,
        "seconds": list(frozen.seconds),
        "snapshot": plain(frozen.manifest.snapshot),
        "packages": len(contents.packages),
        "evidence": dict(Counter(package.installed.evidence for package in contents.packages)),
        "specification": plain(contents.specification) if contents.specification else None,
        "conda-packages": len(contents.conda.packages) if contents.conda else 0,
        "findings": [plain(finding) for finding in contents.findings],
    }
    return 0, render_frozen(frozen.manifest, str(frozen.path), frozen.seconds, frozen.profile), value
