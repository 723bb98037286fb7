"""envsnap diff: two locks, or a lock and what stands here now -> what differs, and whether it can move numbers."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from envsnap.capture.code import is_same_code
from envsnap.capture.numerics import numerics_variables
from envsnap.errors import UsageError
from envsnap.manifest.diff.locks import LockDiff, Side, diff_locks
from envsnap.manifest.manifest import SCHEMA_VERSION, Contents, Manifest
from envsnap.manifest.toml import parse_toml
from envsnap.run.injection import injected_environment
from envsnap.workflow.capture import capture
from envsnap.workflow.describe import describe
from envsnap.workflow.interpreters import check_folder
from envsnap.workflow.lock_packages import describe_installed
from envsnap.workflow.probing import CaptureRequest, start_probe
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import Lock, job_to_verify, own_paths, read_lock
from envsnap.workflow.subject import Subject, open_subject

HERE = "here and now"
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
"""A lock is untrusted, and git would take ``--output=FILE`` for an option."""
_NOWHERE = Path("/")
"""Stands for the observer's folders, which numerics variables do not depend on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffRequest:
    """What the user asked for.

    Args:
        a: a lock.
        b: another lock; None for what stands here.
        here: the live environment and the project, whose repository also tells which commits hold the same code.
    """

    a: Path
    b: Path | None = None
    here: CaptureRequest


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What differs, and the manifests of both sides; ``b`` is None for the live environment."""

    diff: LockDiff
    names: tuple[str, str]
    a: Manifest
    b: Manifest | None


def diff(request: DiffRequest, progress: Progress) -> DiffResult:
    """Read or capture both sides and compare them; nothing is run, and neither lock nor baseline is touched.

    Raises:
        UsageError: the project, a lock or the interpreter is not there, or an environment is named beside two locks.
        InvalidFileError: a lock, or the settings, are not valid.
        CaptureError: the live environment cannot be captured.
        InputError: an input of the live project cannot be read.
        MissingToolError: no engine answers, or it does not hold the image.
    """
    _check_request(request)
    names = _names(request)
    a = read_lock(request.a, progress)
    b = read_lock(request.b, progress) if request.b is not None else None
    ours = _locked(a, names[0])
    theirs = _locked(b, names[1]) if b is not None else _live(request.here, a.manifest, names[1], progress)
    ours, theirs = _as_run(ours, theirs), _as_run(theirs, ours)
    same_code = _is_same_code(request.here.folder, ours.contents, theirs.contents)
    return DiffResult(diff_locks(ours, theirs, same_code=same_code), names, a.manifest, b.manifest if b else None)


def _check_request(request: DiffRequest) -> None:
    here = request.here
    check_folder(here.folder)
    if request.b is not None and any(place is not None for place in (here.python, here.prefix, here.image)):
        raise UsageError(
            "--python, --prefix and --image name an environment to compare with, and so does the second lock: "
            "leave one out"
        )


def _locked(lock: Lock, name: str) -> Side:
    """Make a side of a lock; one of an older schema says by its own text what it did not record."""
    text = lock.path.read_text(encoding="utf-8")
    current = f'\nschema-version = "{SCHEMA_VERSION}"\n' in text
    document = None if current or lock.warnings else parse_toml(text, source=lock.path.name)
    return Side(name=name, contents=lock.manifest.contents, document=document)


def _names(request: DiffRequest) -> tuple[str, str]:
    """Name the sides as shortly as tells them apart."""
    if request.b is None:
        return request.a.name, request.here.image or HERE
    if request.a.name != request.b.name:
        return request.a.name, request.b.name
    return str(request.a), str(request.b)


def _live(request: CaptureRequest, locked: Manifest, name: str, progress: Progress) -> Side:
    """Capture what stands here, as a rerun of the locked job would meet it."""
    with open_subject(request, start_probe(request)) as found:
        subject = _with_locked_settings(found, locked)
        facts = capture(subject, progress)
        contents = describe(subject, facts, describe_installed(subject, facts), recorded=None)
    return Side(name=name, contents=contents, sought=False)


def _with_locked_settings(subject: Subject, locked: Manifest) -> Subject:
    """Take what the settings leave open, such as the thread count, from the lock, as verify does."""
    if locked.contents.job is None or not locked.contents.job.command:
        return subject
    return replace(subject, job=job_to_verify(subject.project, locked))


def _as_run(side: Side, other: Side) -> Side:
    """Give a side whose job was not run the variables that a run would set, where the other's are a run's."""
    contents = side.contents
    if contents.job is None or side.observed or not other.observed:
        return side
    variables = injected_environment(
        contents.job, observer=_NOWHERE, report_dir=_NOWHERE, threadpoolctl=_NOWHERE, inherited=contents.numerics.env
    )
    numerics = structs.replace(contents.numerics, env=dict(sorted(numerics_variables(variables).items())))
    return replace(side, contents=structs.replace(contents, numerics=numerics))


def _is_same_code(folder: Path, a: Contents, b: Contents) -> bool:
    """Whether two commits differ by no more than what envsnap itself writes, as far as the repository here tells."""
    if a.code is None or b.code is None or not all(map(_COMMIT.fullmatch, (a.code.commit, b.code.commit))):
        return False
    return is_same_code(folder, own_paths(a.job, folder), a.code, b.code)
