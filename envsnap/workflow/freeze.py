"""envsnap freeze: this environment and the job's results -> envsnap.lock and envsnap.baseline/."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from envsnap import __version__
from envsnap.errors import UsageError
from envsnap.host.files import atomic_write, exclusive, remove_unfinished, sha256_bytes, work_folder
from envsnap.manifest.lockfile import HEADER, dump_manifest, restamp, seal, written_digest
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.outcome import Outcome
from envsnap.run.baseline import prune_baselines, write_listings, write_patch
from envsnap.workflow.capture import Captured, capture
from envsnap.workflow.describe import describe
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import LOCK
from envsnap.workflow.runs import restore_files
from envsnap.workflow.subject import Begun, Subject

CREATOR = f"envsnap {__version__}"
NOT_RUN = (
    "the job is not run: nothing that --from names is installed yet. Rebuild the lock with 'envsnap build --target "
    "venv', and freeze that environment with --python for a baseline"
)


class FreezeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for: whether to run the job, and where the lock goes; None for the usual place."""

    output: Path | None = None
    run: bool = True


class Frozen(msgspec.Struct, frozen=True):
    """A written manifest and the seconds that each run of the job took."""

    manifest: Manifest
    path: Path
    seconds: tuple[float, ...]


def freeze(request: FreezeRequest, subject: Subject, begun: Begun, progress: Progress) -> Frozen:
    """Capture and lock, run, record and write, in this order; the former lock stays until the last step.

    Args:
        request: what the user asked for.
        subject: what to capture.
        begun: what runs already.
        progress: is told of the stages.

    Raises:
        EnvsnapError: see the stages.
    """
    folder, job = subject.project.folder, subject.job
    path = _place(request, folder)
    with exclusive(folder):
        restore_files(folder, progress)
        remove_unfinished(folder / LOCK)
        captured = _capture(subject, begun, progress)
        outcomes: tuple[Outcome, ...] = ()
        baseline = None
        if job is not None and request.run and _can_run(captured, progress):
            from envsnap.workflow.record import record

            outcomes, baseline = record(job, captured, progress)
        contents = describe(captured, observation=outcomes[0].observation if outcomes else None, baseline=baseline)
        former = _own_text(path, folder)
        manifest = seal(contents, created_by=CREATOR, created_at=_now(), sound=written_digest(former, CREATOR))
        write_listings(captured.data.listings, folder)
        write_patch(captured.code.patch, folder)
        _write(path, manifest, former, folder)
        prune_baselines(folder, _locks(folder, path))
    return Frozen(manifest, path, tuple(outcome.seconds for outcome in outcomes))


def _place(request: FreezeRequest, folder: Path) -> Path:
    """Return where the lock goes; another file that stands there is never overwritten."""
    path = request.output or folder / LOCK
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(HEADER.encode())):
        raise UsageError(f"{path} is not a lock that envsnap wrote, and would be overwritten: name another place")
    return path


def _write(path: Path, manifest: Manifest, former: str, project: Path) -> None:
    """Write the lock. Where the former one is as envsnap left it and has these contents, only its time is new.

    Rendering a lock of hundreds of packages takes as long as looking at them.
    """
    data = (restamp(former, manifest.snapshot) or dump_manifest(manifest)).encode("utf-8")
    atomic_write(path, data)
    mark = _mark(project)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(sha256_bytes(data), encoding="ascii")  # one that is cut off is that of no lock


def _mark(project: Path) -> Path:
    return work_folder(project) / "cache" / "lock.sha256"


def _own_text(path: Path, project: Path) -> str:
    """Return the former lock's text; "" where it is not, byte for byte, what envsnap wrote last."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8") if _mark(project).read_text(encoding="ascii") == sha256_bytes(data) else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _capture(subject: Subject, begun: Begun, progress: Progress) -> Captured:
    wished = subject.request.specification
    captured = capture(subject, begun, progress, artefacts=wished is None)
    if wished is None:
        return captured
    from envsnap.workflow.specification import with_specification

    return with_specification(captured, wished, progress)


def _can_run(captured: Captured, progress: Progress) -> bool:
    if captured.specification is not None:
        progress.warn(NOT_RUN)
    return captured.specification is None


def _locks(folder: Path, written: Path) -> list[str]:
    places = (path for path in {written, *folder.glob("*.lock")} if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in places]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
