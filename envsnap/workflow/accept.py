"""verify --accept: the numbers of its reruns become the baseline, and the lock says why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from envsnap.capture.code import find_beside
from envsnap.capture.hardware import query_gpus
from envsnap.capture.repository import CapturedCode, capture_repository
from envsnap.compare.changes import OutputFiles, describe_change
from envsnap.errors import EnvironmentDiffersError, JobError, UsageError
from envsnap.host.own_places import LOCK
from envsnap.host.secrets import redact
from envsnap.manifest.accepted import MOST_LETTERS, Accepted, AcceptedOutput, Line, Reason
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.layout import Layout
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Baseline, BaselineOutput, Contents, Manifest, Profile
from envsnap.manifest.outcome import Outcome
from envsnap.manifest.phrases import join_names
from envsnap.manifest.verdict import OutputVerdict, Verdict
from envsnap.manifest.working_tree import Code
from envsnap.report.printable import printable
from envsnap.run.baseline import record_baseline
from envsnap.run.output_files import made_folders
from envsnap.workflow.lock_file import write_lock
from envsnap.workflow.probing import user_cache
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import own_paths
from envsnap.workflow.record import never_passing
from envsnap.workflow.repeatability import runs_differ
from envsnap.workflow.subject import refuse_secrets

MOST_OUTPUTS = 20
MOST_NOTES = 20
MOST_ENTRIES = 20
"""Entries that a lock keeps; the history of the lock has the others."""
ANEW = frozenset({"patch-left-out", "ranks-differ", "runs-differ"})
"""Findings about the code and the baseline that are replaced; all others stay as freeze made them."""
OTHER = "the baseline of {name} was recorded with the former code: verify that too, and accept its numbers if need be"
NOTHING = "nothing to accept: every output is the recorded one bit for bit; envsnap.lock stays as it is"


@dataclass(frozen=True, slots=True)
class AcceptanceRequest:
    """What the user asked for: why, in which project, for which profile (None: the job), and the environment."""

    reason: str
    folder: Path
    profile: str | None
    env: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """What is to be taken over beside the numbers, as it stood before the first run.

    Args:
        request: what the user asked for.
        manifest: the project's lock.
        former: the baseline that is replaced.
        job: as it is run.
        code: the working tree.
        made: folders of outputs that the job makes itself.
    """

    request: AcceptanceRequest
    manifest: Manifest
    former: Baseline
    job: Job
    code: CapturedCode
    made: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The project."""
        return self.request.folder


def check_acceptable(reason: str, *, is_own_lock: bool, is_whole: bool) -> None:
    """Refuse a reason that says nothing, or that the lock may not hold, and what is no baseline of the project's own.

    Raises:
        UsageError: says which, and what to do.
    """
    if not reason.strip():
        raise UsageError("--accept needs a reason, for whoever reviews the new numbers")
    try:
        msgspec.convert(reason, Reason)
        reason.encode()
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise UsageError(f"the reason of --accept is one line of at most {MOST_LETTERS} letters") from error
    if redact(reason) != reason:
        raise UsageError("the reason of --accept holds what looks like a secret, and would stand in the lock")
    if not is_whole:
        raise UsageError(
            "--accept takes whole runs for the baseline, and --prefix looks at a part: leave one of them out"
        )
    if not is_own_lock:
        raise UsageError(
            "--accept writes the project's own envsnap.lock and baseline: name no other lock and no bundle"
        )


def prepare_acceptance(
    request: AcceptanceRequest, manifest: Manifest, former: Baseline, job: Job, others: Sequence[JobOutput]
) -> Acceptance:
    """Look at the code before it runs, and refuse what could not be accepted whatever the numbers are.

    Raises:
        UsageError: the job's description holds a secret, or a newer envsnap wrote the lock.
        EnvironmentDiffersError: the lock was recorded on other GPUs.
        CaptureError: git cannot tell what differs.
    """
    folder = request.folder
    refuse_secrets(job)
    _refuse_other_gpus(manifest, job)
    _refuse_other_lock(folder, manifest)
    return Acceptance(
        request=request,
        manifest=manifest,
        former=former,
        job=job,
        code=capture_repository(folder, own_paths(job, folder, others)),
        made=made_folders(job.outputs, former.made_folders, folder, tuple(others)),
    )


def accept(
    acceptance: Acceptance,
    outcomes: Sequence[Outcome],
    verdict: Verdict,
    recorded: Mapping[str, tuple[Path, ...]],
    progress: Progress,
) -> Manifest | None:
    """Write the outcomes as the new baseline, and the lock that names it and says why; return it.

    The former baseline stays until the lock is written, so a crash leaves the two that belong together. None: every
    output is the recorded one, and nothing was written.

    Args:
        acceptance: what is taken over beside the numbers.
        outcomes: of the reruns.
        verdict: on them.
        recorded: the former baseline's files.
        progress: is told what is written.

    Raises:
        JobError: an output is missing, or is such that no verify can pass with it.
        UsageError: the lock was changed while the job ran.
    """
    if verdict.status == "pass" and all(output.bitwise for output in verdict.outputs):
        progress.stage(NOTHING)
        return None
    _refuse_never_passing(acceptance.job, outcomes)
    _refuse_other_lock(acceptance.folder, acceptance.manifest)
    former = acceptance.former
    progress.stage("writing the new baseline and the lock")
    baseline = record_baseline(outcomes, acceptance.folder, made=acceptance.made, injection=former.injection)
    changes = tuple(_changes(acceptance.job, former, baseline, verdict, recorded, outcomes))
    entry = _entry(acceptance, changes, verdict.notes)
    entries = (*(former.accepted or ()), entry)[-MOST_ENTRIES:]
    for name in _others(acceptance):
        progress.warn(OTHER.format(name=name))
    accepted = _contents(acceptance, msgspec.structs.replace(baseline, accepted=entries), outcomes)
    return write_lock(
        acceptance.folder / LOCK,
        accepted,
        project=acceptance.folder,
        listings={},
        patch=acceptance.code.patch,
        cache=user_cache(acceptance.request.env),
    )


def _others(acceptance: Acceptance) -> Iterator[str]:
    """Name the other baselines of the lock, where the code is not the one that they were recorded with."""
    contents, code = acceptance.manifest.contents, acceptance.code.code
    if (
        contents.code is None
        or not isinstance(code, Code)
        or (code.commit, code.patch)
        == (
            contents.code.commit,
            contents.code.patch,
        )
    ):
        return
    if acceptance.request.profile is not None and contents.baseline is not None:
        yield "the job"
    yield from (f"profile {name!r}" for name in contents.profiles or {} if name != acceptance.request.profile)


def _refuse_other_gpus(manifest: Manifest, job: Job) -> None:
    """Of all hardware, GPUs alone: the lock would go on to say that its numbers came from the former ones."""
    locked = sorted(gpu.name for gpu in manifest.contents.hardware.gpus)
    if not locked or job.gpus in {"none", 0}:
        return
    found = sorted(gpu.name for gpu in query_gpus().gpus)
    if found != locked:
        raise EnvironmentDiffersError(
            f"the lock was recorded with {join_names(locked)}, and this machine has {join_names(found) or 'no GPU'}: "
            "accept the numbers on such a machine, or run 'envsnap freeze' on this one"
        )


def _refuse_other_lock(folder: Path, manifest: Manifest) -> None:
    """Refuse to write over a lock that was changed since it was read, or that holds more than is known here."""
    path = folder / LOCK
    now, warnings = parse_manifest(path.read_text(encoding="utf-8") if path.is_file() else "", source=LOCK)
    if now.snapshot.digest != manifest.snapshot.digest:
        raise UsageError(f"{path} was changed while the job ran, and is left as it is: verify it again")
    if warnings:
        raise UsageError(f"{warnings[0]}: --accept would lose them; accept with the envsnap that wrote the lock")


def _refuse_never_passing(job: Job, outcomes: Sequence[Outcome]) -> None:
    problems = tuple(dict.fromkeys(problem for outcome in outcomes for problem in never_passing(job, outcome)))
    if problems:
        raise JobError(f"these numbers cannot be accepted, for no verify could pass with them: {join_names(problems)}")


def _changes(
    job: Job,
    former: Baseline,
    baseline: Baseline,
    verdict: Verdict,
    recorded: Mapping[str, tuple[Path, ...]],
    outcomes: Sequence[Outcome],
) -> Iterator[AcceptedOutput]:
    """Give each output of which other bytes are recorded than were."""
    before, after = ({output.path: output for output in one.outputs} for one in (former, baseline))
    declared = {output.path: output for output in job.outputs}
    written = {output.path: output.file for output in outcomes[0].outputs}
    for output in verdict.outputs:
        old, new = before.get(output.path), after.get(output.path)
        if old is not None and new is not None and old.sha256 == new.sha256:
            continue
        file = recorded[output.path][0] if output.path in recorded else None
        summary = _summary(output, declared.get(output.path), file, written.get(output.path))
        yield AcceptedOutput(path=output.path, before=_first(old), after=_first(new), summary=_line(summary))


def _summary(verdict: OutputVerdict, declared: JobOutput | None, before: Path | None, after: Path | None) -> str:
    if declared is None:
        return "the job no longer declares it"
    if before is None:
        return "the job declares it anew"
    layout = declared.layout or Layout()
    return describe_change(verdict, OutputFiles(before=before, after=after, format=declared.format, layout=layout))


def _first(output: BaselineOutput | None) -> str:
    return output.sha256[0] if output is not None else ""


def _line(text: str) -> Line:
    """Make text out of a job's output one that a lock may hold, on one line, without a secret."""
    clean = printable(redact(text))
    return clean if len(clean) <= MOST_LETTERS else f"{clean[: MOST_LETTERS - 3]}..."


def _entry(acceptance: Acceptance, changes: tuple[AcceptedOutput, ...], notes: tuple[str, ...]) -> Accepted:
    code = acceptance.code.code
    return Accepted(
        reason=acceptance.request.reason.strip(),
        accepted_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=code.commit if isinstance(code, Code) else "",
        outputs=changes[:MOST_OUTPUTS],
        others=max(0, len(changes) - MOST_OUTPUTS),
        notes=tuple(_line(note) for note in notes[:MOST_NOTES]),
    )


def _contents(acceptance: Acceptance, baseline: Baseline, outcomes: Sequence[Outcome]) -> Contents:
    """Change what belongs to the numbers: baseline, code and job, and the findings about these; all else stays."""
    contents, profile = acceptance.manifest.contents, acceptance.request.profile
    former = (contents.profiles or {})[profile] if profile is not None else contents
    kept: set[Finding] = {finding for finding in former.findings if finding.kind not in ANEW}
    findings = tuple(sorted(kept | {*acceptance.code.findings, *runs_differ(outcomes)}))
    renewed = msgspec.structs.replace(former, baseline=baseline, job=acceptance.job, findings=findings)
    if isinstance(renewed, Profile):
        renewed = msgspec.structs.replace(contents, profiles={**(contents.profiles or {}), profile or "": renewed})
    return msgspec.structs.replace(renewed, code=_code(acceptance, outcomes))


def _code(acceptance: Acceptance, outcomes: Sequence[Outcome]) -> Code | None:
    """Return the working tree, with what any of the lock's jobs used of it beside the project."""
    code, former = acceptance.code.code, acceptance.manifest.contents.code
    if not isinstance(code, Code):
        return None
    found = find_beside(acceptance.folder, [seen for outcome in outcomes if (seen := outcome.observation)])
    return msgspec.structs.replace(code, beside=tuple(sorted({*found, *(former.beside if former else ())})))
