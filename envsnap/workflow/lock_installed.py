"""The lock stage with what it needs: indexes, uv or pip-tools, the installed files."""

from collections.abc import Sequence

from envsnap.host.files import work_folder
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Uv, find_uv
from envsnap.lock.files import InsideEnvironment, InstalledFiles, OnThisMachine
from envsnap.lock.indexes import Indexes
from envsnap.lock.installed import lock_environment
from envsnap.lock.locked_packages import LockedPackages
from envsnap.lock.made_here import WheelMaker
from envsnap.lock.memo import Memo
from envsnap.lock.resolver import Resolver, target_python
from envsnap.lock.wheels import WheelFolder, list_wheels
from envsnap.manifest.package import Package
from envsnap.manifest.phrases import join_names
from envsnap.workflow.capture import Facts
from envsnap.workflow.progress import Progress
from envsnap.workflow.subject import Subject

MOST_NAMES = 20


def lock_installed(
    subject: Subject, facts: Facts, config: IndexConfig, memo: Memo, progress: Progress
) -> LockedPackages:
    """Find and prove the artefact of each package, and warn of those that have none.

    Raises:
        CaptureError: the indexes could not be asked or lie, or a wheel cannot be made from what is installed.
        MissingToolError: uv or pip-tools is not there.
    """
    uv = None if subject.request.offline else find_uv(config)
    wheels = WheelFolder(subject.project.folder, uv.build_wheel if uv else None)
    maker = WheelMaker(wheels, _readable(subject, facts))
    resolver = _resolver(subject, facts, uv) if uv else None
    local = list_wheels(config.local_folders)
    locked = lock_environment(facts.environment.packages, memo, maker, local, resolver)
    for reason, names in _without_artefact(locked.packages):
        progress.warn(f"no artefact, so not to be rebuilt: {join_names(names, MOST_NAMES)}: {reason}")
    return locked


def _without_artefact(packages: Sequence[Package]) -> list[tuple[str, list[str]]]:
    """Group the packages that cannot be rebuilt by the reason."""
    lacking = [package for package in packages if package.installed.evidence == "none"]
    reasons = dict.fromkeys(package.installed.reason for package in lacking)
    return [(reason, [package.name for package in lacking if package.installed.reason == reason]) for reason in reasons]


def _resolver(subject: Subject, facts: Facts, uv: Uv) -> Resolver:
    python = subject.interpreter or target_python(facts.environment.interpreter, facts.environment.platform)
    scratch = work_folder(subject.project.folder)
    indexes = Indexes(uv.config, lambda: uv.index_urls(python, scratch))
    if subject.request.locker == "uv":
        return Resolver(indexes=indexes, locker=uv, python=python, scratch=scratch)
    from envsnap.host.index.pip_tools import find_pip_tools

    locker = find_pip_tools(uv.config)
    return Resolver(indexes=indexes, locker=locker, python=python, scratch=scratch, pages_first=False)


def _readable(subject: Subject, facts: Facts) -> InstalledFiles:
    prefix = facts.environment.prefix
    if subject.is_local:
        return OnThisMachine(prefix)
    return InsideEnvironment(subject.environment, prefix, subject.project.folder)
