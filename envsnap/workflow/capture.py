"""The static capture: what stands here before, or without, a run of the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envsnap.capture.data import CapturedData, capture_data
from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.capture.hardware import NvmlFacts, query_gpus
from envsnap.capture.input_hashes import InputHashes
from envsnap.capture.numerics import numerics_variables
from envsnap.capture.repository import CapturedCode, capture_repository
from envsnap.capture.system import CapturedSystem, capture_system
from envsnap.host.files import work_folder
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.observation import LoadedLibrary, Observation
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import own_paths
from envsnap.workflow.subject import Subject

if TYPE_CHECKING:
    from envsnap.capture.installed_files import FileCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was captured.

    Args:
        environment: the interpreter, and what is installed beside it.
        gpus: those of this machine.
        files: the installed files; None where they were not hashed.
        deep: the frameworks' settings; None where no framework was imported.
        data: the inputs.
        code: the working tree and its patch.
    """

    environment: CapturedEnvironment
    gpus: NvmlFacts
    files: "FileCheck | None"
    deep: Observation | UncapturedFact | None
    data: CapturedData
    code: CapturedCode


def capture(subject: Subject, progress: Progress) -> Facts:
    """Probe the environment, look at the working tree and hash the inputs; nothing but a cache is written.

    Raises:
        EnvsnapError: see the stages.
    """
    own = own_paths(subject.job, subject.project.folder, subject.others)
    code = capture_repository(subject.project.folder, own)  # the probe still runs
    environment = _probe(subject, progress)
    return Facts(
        environment=environment,
        gpus=query_gpus(uuids=subject.request.gpu_uuids),
        files=_check_files(subject, environment, progress) if subject.request.verify_files else None,
        deep=_look_deep(subject, progress) if subject.request.deep else None,
        data=_hash_inputs(subject, progress),
        code=code,
    )


def _probe(subject: Subject, progress: Progress) -> CapturedEnvironment:
    progress.stage(f"probing the {subject.environment.name}")
    answer = subject.probe.result() if subject.probe is not None else None
    own = own_paths(subject.job, subject.project.folder, subject.others)
    captured = capture_environment(subject.environment, subject.project.folder, answer, own=own)
    for problem in captured.not_captured:
        progress.warn(f"{problem.what}: {problem.reason}")
    return captured


def _check_files(subject: Subject, environment: CapturedEnvironment, progress: Progress) -> "FileCheck":
    from envsnap.capture.installed_files import capture_installed_files

    progress.stage("hashing the installed files")
    checked = capture_installed_files(subject.environment, subject.project.folder, environment.packages)
    progress.detail(f"{checked.files:,} files held against RECORD, {checked.bytes:,} bytes hashed")
    return checked


def _look_deep(subject: Subject, progress: Progress) -> Observation | UncapturedFact:
    from envsnap.capture.deep import capture_deep

    progress.stage("importing the frameworks")
    variables = numerics_variables(subject.request.env)
    return capture_deep(subject.environment, subject.project.folder.absolute(), variables)


def _hash_inputs(subject: Subject, progress: Progress) -> CapturedData:
    inputs, folder = subject.job.inputs if subject.job is not None else (), subject.project.folder
    if inputs:
        progress.stage("hashing the inputs")
    return capture_data(inputs, folder, InputHashes.of(folder))


def ask_system(subject: Subject, facts: Facts, loaded: Sequence[LoadedLibrary]) -> CapturedSystem:
    """Ask which of the system's packages are needed; the answer is kept, and the same question costs nothing again."""
    folder = subject.project.folder
    cache = work_folder(folder) / "cache" / "system.json"
    return capture_system(subject.environment, folder.absolute(), facts.environment, cache, loaded)
