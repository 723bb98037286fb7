"""envsnap verify."""

import os
from pathlib import Path

import click

from envsnap.cli.console import CommonOptions, common_options, conclude
from envsnap.cli.pipeline import Service, find_step, service_option
from envsnap.cli.reports import Reports, table
from envsnap.host.own_places import LOCK
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.lockfile import plain
from envsnap.manifest.manifest import Manifest
from envsnap.report.github import SummaryFacts
from envsnap.workflow.progress import Progress
from envsnap.workflow.verify import VerifyRequest, VerifyResult, verify

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


@click.command("verify", short_help="Rerun the job in the rebuilt environment and compare the numbers.")
@click.option("--target", type=click.Choice(["docker", "venv"]), help="Where to run; what was built last by default.")
@click.option("--image", help="Run in this image.")
@click.option("--no-build", is_flag=True, help="Refuse where nothing was built from this lock; it is built otherwise.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How often to rerun the job.")
@click.option("--profile", metavar="NAME", help="Verify this profile of the job, against its own baseline.")
@click.option("--prefix", is_flag=True, help="Compare the steps that a shorter rerun has, and say how many.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write table, JSON, JUnit and metrics into this folder.",
)
@click.option(
    "--junit", "junit_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report here."
)
@click.option(
    "--metrics",
    "metrics_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write how far each item lies from the baseline here, as OpenMetrics text.",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    help="Take lock and baseline from this bundle, and use no network.",
)
@service_option
@click.option(
    "--accept",
    metavar="REASON",
    help="Take new numbers over as the baseline, and write why into the lock; the job is run as often as it says.",
)
@common_options
@click.argument("lock", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(  # noqa: PLR0913 - one parameter an option
    *,
    lock: Path | None,
    target: BuildTarget | None,
    image: str | None,
    no_build: bool,
    runs: int,
    profile: str | None,
    prefix: bool,
    report: Path | None,
    junit_file: Path | None,
    metrics_file: Path | None,
    bundle: Path | None,
    ci: Service,
    accept: str | None,
    common: CommonOptions,
) -> None:
    """Rerun the job in the environment that was rebuilt from LOCK (envsnap.lock), and compare with the baseline.

    Where nothing was built from LOCK yet it is built first, as envsnap build does. Inputs that are not the recorded
    ones, and an environment that is not the locked one, are refused before anything runs. With --prefix, a profile that
    the lock does not have is a shorter run of the job itself. --accept shows what differs, then records it with REASON.
    """
    own = None if bundle else common.project / LOCK
    request = VerifyRequest(
        folder=common.project.absolute(), env=dict(os.environ), lock=lock or own, bundle=bundle, target=target,
        image=image, runs=runs, profile=profile, prefix=prefix, accept=accept, build=not no_build,
    )  # fmt: skip
    name = request.folder.resolve().name
    reports = Reports(folder=report, junit_file=junit_file, metrics_file=metrics_file)
    files = {"junit": junit_file, "report": report}
    step = find_step(ci, request.env, request.folder)

    def work(progress: Progress) -> VerifyResult:
        reports.remove()
        return verify(request, progress)

    def present(verified: VerifyResult) -> tuple[int, str, object]:
        code = EXIT_CODES[verified.verdict.status] if verified.accepted is None else 0
        value = _value(verified)
        reports.write(verified, code=code, value=value, name=name)
        if step is not None:
            step.tell_verdict(verified.verdict, _facts(verified, name), code=code, files=files)
        return code, table(verified, color=common.color, width=common.width), value

    def tell_failure(code: int, message: str) -> None:
        if step is not None:
            step.tell_failure("verify", code, message)

    conclude("verify", common, work, present, tell_failure)


def _value(verified: VerifyResult) -> dict[str, object]:
    return {
        "environment": verified.environment,
        "built": verified.built,
        "seconds": verified.seconds,
        "lock-digest": verified.digest,
        "verdict": verified.verdict,
        "accepted": _accepted(verified.accepted),
    }


def _facts(verified: VerifyResult, name: str) -> SummaryFacts:
    return SummaryFacts(
        project=name, environment=verified.environment, seconds=verified.seconds, digest=verified.digest
    )


def _accepted(manifest: Manifest | None) -> object:
    """Return the digest of the lock that was written, and its entry; None where none was."""
    baseline = manifest.contents.baseline if manifest is not None else None
    if manifest is None or baseline is None or not baseline.accepted:
        return None
    return {"digest": manifest.snapshot.digest, "runs": baseline.runs, "entry": plain(baseline.accepted[-1])}
