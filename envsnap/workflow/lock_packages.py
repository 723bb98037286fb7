"""The packages of a lock, and the artefacts of what is installed."""

from dataclasses import dataclass

from envsnap.host.files import work_folder
from envsnap.host.index.config import IndexConfig, read_index_config
from envsnap.lock.locked_packages import LockedPackages, lock_by_memo
from envsnap.lock.memo import Memo
from envsnap.manifest.finding import Finding
from envsnap.manifest.package import Package
from envsnap.manifest.specification import Specification
from envsnap.workflow.capture import Facts
from envsnap.workflow.progress import Progress
from envsnap.workflow.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageSet:
    """The packages that a lock names.

    Args:
        packages: each with its artefact.
        findings: what looks wrong about where they come from.
        config: the indexes that were asked, credentials included.
        specification: where they come from; None where they were found installed.
    """

    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    config: IndexConfig
    specification: Specification | None = None


def lock_packages(subject: Subject, facts: Facts, progress: Progress) -> PackageSet:
    """Lock what is installed. The project must be held: wheels and a cache are written.

    Raises:
        CaptureError: the indexes could not be asked or lie, or a wheel cannot be made from what is installed.
        MissingToolError: uv or pip-tools is not there.
    """
    config = index_config(subject, facts)
    progress.stage(f"locking {len(facts.environment.packages)} packages")
    work = work_folder(subject.project.folder)
    memo = Memo(work / "cache" / "artefacts.json", work / "wheels")
    locked = lock_by_memo(facts.environment.packages, memo) if subject.request.offline else None
    if locked is None:
        from envsnap.workflow.lock_installed import lock_installed

        locked = lock_installed(subject, facts, config, memo, progress)
    return _package_set(locked, config)


def describe_packages(subject: Subject, facts: Facts) -> PackageSet:
    """Describe what is installed without looking for artefacts: nothing is asked or written."""
    from envsnap.lock.installed import describe_unlocked

    locked = LockedPackages(describe_unlocked(facts.environment.packages), findings=())
    return _package_set(locked, index_config(subject, facts))


def index_config(subject: Subject, facts: Facts) -> IndexConfig:
    """Read where pip and uv look for packages; the captured environment's own pip.conf counts too."""
    return read_index_config(subject.request.env, prefix=facts.environment.prefix if subject.is_local else None)


def _package_set(locked: LockedPackages, config: IndexConfig) -> PackageSet:
    return PackageSet(packages=locked.packages, findings=locked.findings, config=config)
