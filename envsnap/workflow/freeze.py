"""envsnap freeze: this environment and the job's results -> envsnap.lock and envsnap.baseline/."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envsnap.workflow.probing import CaptureRequest, start_probe, user_cache
from envsnap.workflow.progress import Progress

if TYPE_CHECKING:
    from envsnap.manifest.manifest import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class FreezeRequest:
    """What the user asked for.

    Args:
        capture: the project, and the environment to capture.
        output: where the lock goes; None for the usual place.
        run: whether to run the job.
        runs: how often; None: as often as the job says.
        drop_others: whether the baselines of other jobs, recorded with something else, are left out of the lock.
        standing: whether the outputs that stand in the project become the baseline, and nothing is run.
    """

    capture: CaptureRequest
    output: Path | None = None
    run: bool = True
    runs: int | None = None
    standing: bool = False
    drop_others: bool = False


@dataclass(frozen=True, slots=True)
class FreezeResult:
    """A written manifest, the seconds that each run of the job took, and which profile of the job that was."""

    manifest: "Manifest"
    path: Path
    seconds: tuple[float, ...]
    profile: str | None = None


def freeze(request: FreezeRequest, progress: Progress) -> FreezeResult:
    """Capture and lock, run, record and write, in this order; the former lock stays until the last step.

    Raises:
        EnvsnapError: see the stages.
    """
    probe = start_probe(request.capture)
    # The probe runs while these are loaded: a third of a static freeze is loading.
    from envsnap.workflow.capture import capture
    from envsnap.workflow.describe import describe
    from envsnap.workflow.lock_file import hold_project, lock_path, write_lock
    from envsnap.workflow.lock_packages import lock_packages
    from envsnap.workflow.profiles import beside_others, others_kept
    from envsnap.workflow.record import Recording, record, record_standing
    from envsnap.workflow.subject import open_subject

    with open_subject(request.capture, probe) as subject:
        path = lock_path(request.output, subject.project.folder)
        with hold_project(subject.project.folder, progress):
            facts = capture(subject, progress)
            if (wished := request.capture.specification) is None:
                packages = lock_packages(subject, facts, progress)
            else:
                from envsnap.workflow.lock_specification import lock_specification

                facts, packages = lock_specification(wished, subject, facts, progress)
            kept = others_kept(path, subject, facts, progress, drop=request.drop_others)
            recorded: Recording | None = None
            if request.standing:
                recorded = record_standing(subject, progress)
            elif request.run:
                recorded = record(subject, facts, packages, progress, runs=request.runs)
            contents = describe(subject, facts, packages, recorded)
            contents = beside_others(kept, contents, request.capture.profile)
            manifest = write_lock(
                path,
                contents,
                project=subject.project.folder,
                listings=facts.data.listings,
                patch=facts.code.patch,
                cache=user_cache(request.capture.env),
            )
    return FreezeResult(manifest, path, recorded.seconds if recorded else (), request.capture.profile)
