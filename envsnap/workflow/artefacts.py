"""The lock stage with what it needs: indexes, uv, the installed files; loaded where an artefact is to be found."""

from collections.abc import Sequence
from pathlib import Path

from envsnap.capture.environment import CapturedEnvironment
from envsnap.host.files import work_folder
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Uv, find_uv
from envsnap.lock.artefact_sources import reach
from envsnap.lock.files import InsideEnvironment, OnThisMachine
from envsnap.lock.files import InstalledFiles as ReadableFiles
from envsnap.lock.lock import Sources, lock_environment
from envsnap.lock.locked import Locked
from envsnap.lock.memo import Memo
from envsnap.lock.resolve import Locker, target_python
from envsnap.manifest.package import Package
from envsnap.workflow.progress import Progress
from envsnap.workflow.subject import Subject

MOST_NAMES = 20


def lock_online(
    subject: Subject,
    found: CapturedEnvironment,
    config: IndexConfig,
    memo: Memo,
    progress: Progress,
) -> Locked:
    """Find and prove the artefact of each package, and warn of those that have none.

    Raises:
        CaptureError: the indexes could not be asked or lie, or a wheel cannot be made from what is installed.
        MissingToolError: uv or pip-tools is not there.
    """
    locked = lock_environment(found.packages, _sources(subject, found, config, memo))
    for reason, names in _without_artefact(locked.packages):
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        progress.warn(f"no artefact, so not to be rebuilt: {', '.join(names[:MOST_NAMES])}{more}: {reason}")
    return locked


def _without_artefact(packages: Sequence[Package]) -> list[tuple[str, list[str]]]:
    """Group the packages that cannot be rebuilt by the reason."""
    lacking = [package for package in packages if package.installed.evidence == "none"]
    reasons = dict.fromkeys(package.installed.reason for package in lacking)
    return [(reason, [package.name for package in lacking if package.installed.reason == reason]) for reason in reasons]


def _sources(subject: Subject, found: CapturedEnvironment, config: IndexConfig, memo: Memo) -> Sources:
    folder, work = subject.project.folder, work_folder(subject.project.folder)
    uv = None if subject.request.offline else find_uv(config)
    local = Path(subject.environment.python) if subject.is_local else None
    python = local or target_python(found.interpreter, found.platform)
    remote = reach(uv, python, work) if uv else None
    return Sources(
        python=python,
        files=_readable(subject, found),
        project=folder,
        wheels=work / "wheels",
        locker=_locker(subject, uv),
        records=remote.records if remote else None,
        builder=uv,
        memo=memo,
        indexes=remote.indexes if remote else None,
        folders=config.local_folders,
        read_pages=uv is not None and subject.request.locker == "uv",
    )


def _locker(subject: Subject, uv: Uv | None) -> Locker | None:
    if uv is None or subject.request.locker == "uv":
        return uv
    from envsnap.host.index.pip_tools import find_pip_tools

    return find_pip_tools(uv.config)


def _readable(subject: Subject, found: CapturedEnvironment) -> ReadableFiles:
    if subject.is_local:
        return OnThisMachine(found.prefix)
    return InsideEnvironment(subject.environment, found.prefix, subject.project.folder)
