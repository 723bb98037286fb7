"""The static capture: what stands here before, or without, a run of the job."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envsnap.capture.data import CapturedData, capture_data
from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.input_hashes import InputHashes
from envsnap.capture.numerics import numerics_variables
from envsnap.capture.repository import CapturedCode
from envsnap.capture.system import CapturedSystem, capture_system
from envsnap.environment import Environment
from envsnap.host import nvml
from envsnap.host.files import work_folder
from envsnap.host.index.config import IndexConfig, read_index_config
from envsnap.host.nvml import NvmlFacts
from envsnap.lock.locked import Locked, remembered
from envsnap.lock.memo import Memo
from envsnap.manifest.finding import Finding, NotCaptured
from envsnap.manifest.observation import LoadedLibrary, Observation
from envsnap.manifest.package import Package
from envsnap.manifest.specification import Specification
from envsnap.workflow.probing import proven_file
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import own_paths
from envsnap.workflow.subject import Begun, Subject

if TYPE_CHECKING:
    from envsnap.capture.installed_files import FileCheck


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """What the static stages found.

    Args:
        subject: what was captured.
        found: the environment.
        gpus: those of this machine.
        data: the inputs.
        config: the indexes.
        packages: each with its artefact.
        locking: what looks wrong about where the packages come from.
        files: the installed files; None where they were not hashed.
        deep: the frameworks' settings; None where no framework was imported.
        code: the working tree and its patch.
        specification: where the packages come from; None where they were found installed.
    """

    subject: Subject
    found: CapturedEnvironment
    gpus: NvmlFacts
    data: CapturedData
    config: IndexConfig
    packages: tuple[Package, ...]
    locking: tuple[Finding, ...]
    files: "FileCheck | None"
    deep: Observation | NotCaptured | None
    code: CapturedCode
    specification: Specification | None = None


def capture(subject: Subject, begun: Begun, progress: Progress, *, artefacts: bool = True) -> Captured:
    """Probe, hash the inputs and lock the packages, in this order.

    Args:
        subject: what to capture.
        begun: what of it runs already.
        progress: is told of the stages.
        artefacts: whether to look for the artefact of each package; the project must then be held (``exclusive``).
            Without, nothing but a cache is written.

    Raises:
        EnvsnapError: see the stages.
    """
    folder, job, request, probing = subject.project.folder, subject.job, subject.request, begun.probing
    progress.stage(f"probing the {subject.environment.name}")
    with ThreadPoolExecutor(max_workers=1) as pool:  # it waits for another process
        asking = pool.submit(nvml.query, uuids=request.gpu_uuids)
        found = capture_environment(
            subject.environment,
            folder,
            probing.answer.result() if probing else None,
            own=own_paths(job),
        )
        gpus, code = asking.result(), begun.code.result()
    for problem in found.not_captured:
        progress.warn(f"{problem.what}: {problem.reason}")
    files = _check_files(subject, found, progress) if request.verify_files else None
    deep = _look_deep(subject, progress) if request.deep else None
    if job is not None and job.inputs:
        progress.stage("hashing the inputs")
    data = capture_data(job.inputs if job else (), folder, InputHashes.of(folder))
    config = read_index_config(request.env, prefix=found.prefix if subject.is_local else None)
    locked = _lock(subject, found, config, progress) if artefacts else _unlocked(found)
    return Captured(
        subject=subject,
        found=found,
        gpus=gpus,
        data=data,
        config=config,
        packages=locked.packages,
        locking=locked.findings,
        files=files,
        deep=deep,
        code=code,
    )


def _check_files(subject: Subject, found: CapturedEnvironment, progress: Progress) -> "FileCheck":
    from envsnap.capture.installed_files import capture_installed_files

    progress.stage("hashing the installed files")
    checked = capture_installed_files(subject.environment, subject.project.folder, found.packages)
    progress.detail(f"{checked.files:,} files held against RECORD, {checked.bytes:,} bytes hashed")
    return checked


def _look_deep(subject: Subject, progress: Progress) -> Observation | NotCaptured:
    from envsnap.capture.deep import capture_deep

    progress.stage("importing the frameworks")
    variables = numerics_variables(subject.request.env)
    return capture_deep(subject.environment, subject.project.folder.absolute(), variables)


def _unlocked(found: CapturedEnvironment) -> Locked:
    from envsnap.lock.lock import describe_unlocked

    return Locked(describe_unlocked(found.packages), findings=())


def _lock(subject: Subject, found: CapturedEnvironment, config: IndexConfig, progress: Progress) -> Locked:
    """Lock the packages; what finds artefacts is loaded only where earlier freezes did not prove them all."""
    progress.stage(f"locking {len(found.packages)} packages")
    memo = artefact_memo(subject.project.folder)
    proven = remembered(found.packages, memo) if subject.request.offline else None
    if proven is not None:
        return proven
    from envsnap.workflow.artefacts import lock_online

    with ThreadPoolExecutor(max_workers=1) as pool:
        if subject.job is None:  # a job adds the libraries that it loads: the system is asked after its run
            pool.submit(ask_system, subject.environment, subject.project.folder, found)
        return lock_online(subject, found, config, memo, progress)


def artefact_memo(project: Path) -> Memo:
    """Open what earlier freezes of a project proved."""
    return Memo(proven_file(project), work_folder(project) / "wheels")


def ask_system(
    environment: Environment, folder: Path, found: CapturedEnvironment, loaded: Sequence[LoadedLibrary] = ()
) -> CapturedSystem:
    """Ask which of the system's packages are needed; the answer is kept, and the same question costs nothing again."""
    return capture_system(environment, folder.absolute(), found, work_folder(folder) / "cache" / "system.json", loaded)
