"""Jobs that share a lock: what a freeze of one keeps of the others, whose baselines were recorded in other freezes."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from envsnap.capture.code import is_same_code_apart
from envsnap.capture.hardware import capture_hardware
from envsnap.errors import EnvironmentDiffersError, InvalidFileError, UsageError
from envsnap.manifest.diff.rebuilt import Difference, diff_interpreter, diff_packages
from envsnap.manifest.lockfile import parse_manifest
from envsnap.manifest.manifest import Conda, Contents, Profile
from envsnap.manifest.phrases import join_names
from envsnap.manifest.working_tree import Code
from envsnap.report.lock_diff import render_differences
from envsnap.workflow.capture import Facts
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import SETTINGS, own_paths, profiles_of
from envsnap.workflow.subject import Subject

HEADINGS = ("what", "when they were recorded", "here and now")
DROPPED = "the baselines of {names} are left out: they were recorded elsewhere. Freeze them anew"


def others_kept(path: Path, subject: Subject, facts: Facts, progress: Progress, *, drop: bool) -> Contents | None:
    """Return the former lock's contents with what this freeze keeps of them: the jobs that it does not record anew.

    Args:
        path: of the former lock.
        subject: what is frozen.
        facts: what was captured of it.
        progress: is told which jobs are left out.
        drop: whether baselines that were recorded elsewhere are left out; else they are refused.

    Returns:
        None where there is no other job with a baseline.

    Raises:
        InvalidFileError: the former lock is not valid, and a profile is to be put into it.
        EnvironmentDiffersError: environment or code are not those that the others were recorded with.
    """
    former = _former(path, subject.request.profile, progress)
    if former is None:
        return None
    kept = _without_replaced(former, subject, progress)
    names = _names(kept)
    if not names:
        return None
    differences = tuple(_differences(kept, facts, subject))
    if not differences:
        return kept
    if drop:
        progress.warn(DROPPED.format(names=", ".join(names)))
        return None
    raise EnvironmentDiffersError(
        f"the lock holds the baselines of {', '.join(names)}, which were recorded with something else:\n"
        f"{render_differences(differences, headings=HEADINGS)}\n"
        "One lock has one environment and one code. Freeze with --drop-others to leave those baselines out, and then "
        "freeze each of them anew; or restore what differs"
    )


def beside_others(kept: Contents | None, found: Contents, profile: str | None) -> Contents:
    """Put what was frozen beside the jobs that are kept.

    Args:
        kept: as :func:`others_kept` gives it.
        found: what was captured, with the job that was frozen as the lock's own.
        profile: which profile that is; None: the job itself.

    Raises:
        UsageError: the profile got no baseline.
    """
    profiles = dict(kept.profiles or {}) if kept is not None else {}
    if profile is None:
        code = _with_all_beside(found.code, kept.code if kept is not None else None)
        return replace(found, code=code, profiles=profiles or None)
    if found.job is None or found.baseline is None:
        raise UsageError(f"profile '{profile}' got no baseline, which is all that a lock has of a profile")
    if kept is None:
        kept = replace(found, job=None, data=(), baseline=None)
    profiles[profile] = Profile(
        job=found.job, data=found.data, baseline=found.baseline, numerics=found.numerics, findings=found.findings
    )
    code = _with_all_beside(found.code, kept.code)
    return replace(kept, code=code, build=found.build, profiles=dict(sorted(profiles.items())))


def _with_all_beside(code: Code | None, former: Code | None) -> Code | None:
    """Add what the runs of the other jobs used of the repository beside the project."""
    if code is None or former is None:
        return code
    return replace(code, beside=tuple(sorted({*code.beside, *former.beside})))


def _former(path: Path, profile: str | None, progress: Progress) -> Contents | None:
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return parse_manifest(text, source=path.name)[0].contents
    except InvalidFileError as error:
        if profile is not None:
            raise
        if "\n[profiles." in text:
            progress.warn(f"the former lock's profiles are not kept: {error}")
        return None


def _without_replaced(former: Contents, subject: Subject, progress: Progress) -> Contents:
    """Leave out the job that is frozen anew, and profiles that nobody describes any more."""
    profile, described = subject.request.profile, profiles_of(subject.project)
    profiles = dict(former.profiles or {})
    for name in sorted(profiles.keys() - set(described)):
        progress.warn(f"profile '{name}' is left out of the lock: {subject.project.source or SETTINGS} lacks it")
        del profiles[name]
    if profile is None or former.baseline is None:
        former = replace(former, job=None, data=(), baseline=None)
    profiles.pop(profile or "", None)
    return replace(former, profiles=profiles)


def _names(kept: Contents) -> tuple[str, ...]:
    own = ("[job]",) if kept.baseline is not None else ()
    return (*own, *(f"[job.profiles.{name}]" for name in sorted(kept.profiles or {})))


def _differences(kept: Contents, facts: Facts, subject: Subject) -> Iterator[Difference]:
    """Give what differs and can move numbers, of what does not depend on which job is run."""
    if (specification := subject.request.specification) is not None:
        yield Difference(what="packages", locked="installed", found=f"resolved from {specification.path.name}")
        return
    found = facts.environment
    yield from diff_interpreter(kept.interpreter, found.interpreter)
    yield from diff_packages(kept.packages, found.packages)
    before, after = (
        _machine(kept),
        _machine(
            replace(
                kept,
                platform=found.platform,
                conda=Conda(packages=found.conda),
                hardware=capture_hardware(facts.gpus, found.machine),
            )
        ),
    )
    for what in sorted(before.keys() | after.keys()):
        if before.get(what) != after.get(what):
            yield Difference(what=what, locked=before.get(what, "not there"), found=after.get(what, "not there"))
    yield from _code_differences(kept.code, facts.code.code, subject)


def _machine(contents: Contents) -> dict[str, str]:
    conda = contents.conda.packages if contents.conda is not None else ()
    return {
        "architecture": contents.platform.arch,
        "C library": f"{contents.platform.libc} {contents.platform.libc_version}",
        "CPU": contents.hardware.cpu.model,
        "GPUs": ", ".join(gpu.name for gpu in contents.hardware.gpus) or "none",
    } | {f"conda {package.name}": f"{package.version} {package.build}" for package in conda}


def _code_differences(locked: Code | None, found: object, subject: Subject) -> Iterator[Difference]:
    here = found if isinstance(found, Code) else None
    if locked is None and here is None:
        return
    if locked is None or here is None:
        told = [code.commit[:12] if code is not None else "under no version control" for code in (locked, here)]
        yield Difference(what="code", locked=told[0], found=told[1])
        return
    folder, settings = subject.project.folder, subject.project.source.split()[:1]
    if not is_same_code_apart(folder, own_paths(subject.job, folder, subject.others), settings, locked, here):
        changed = [file.path for file in here.changed if Path(file.path).name not in settings]
        with_changes = f"{here.commit[:12]}{f' with changes in {join_names(changed)}' if changed else ''}"
        yield Difference(what="code", locked=locked.commit[:12] + " with changes" * locked.dirty, found=with_changes)
