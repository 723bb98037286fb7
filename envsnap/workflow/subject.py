"""What a command captures: a project, its job, and the environment that the caller chose."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envsnap.capture.answer import PROBE, put
from envsnap.environment import Completed, Environment, Execution
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import CaptureError, CommandNotFoundError, MissingToolError, UsageError
from envsnap.host.secrets import redact, secret_variables
from envsnap.lock.specification.request import SpecificationRequest
from envsnap.manifest.job import Job
from envsnap.workflow.project import ProjectFolder, choose_python, job_to_freeze, read_project

LockerName = Literal["uv", "pip-tools"]
IMAGE_PYTHONS = ("python", "python3")
"""The commands that an image's interpreter may have; an image of a distribution has the second alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureRequest:
    """What to capture.

    Args:
        folder: the project.
        env: the caller's environment.
        python: the interpreter to capture, or ``prefix``, its environment's folder, or ``image``, a container image;
            none of them: the project's own interpreter.
        command: the job's command, where it is not the one that the settings describe.
        offline: whether no index is asked.
        verify_files: whether every installed file is hashed and held against RECORD.
        deep: whether the frameworks are imported to ask for their settings.
        gpu_uuids: whether the GPUs' UUIDs, which are private, are recorded.
        specification: what to lock in the place of the installed packages.
        locker: who resolves versions to files.
    """

    folder: Path
    env: Mapping[str, str]
    python: Path | None = None
    prefix: Path | None = None
    image: str | None = None
    command: tuple[str, ...] = ()
    offline: bool = False
    verify_files: bool = False
    deep: bool = False
    gpu_uuids: bool = False
    specification: SpecificationRequest | None = None
    locker: LockerName = "uv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is about to be captured: nothing was written yet.

    Args:
        project: the project and its settings.
        job: absent where none is described.
        environment: where the interpreter runs.
        request: what the caller asked for.
        is_local: whether the environment's paths are paths of this machine.
    """

    project: ProjectFolder
    job: Job | None
    environment: Environment
    request: CaptureRequest
    is_local: bool = True


Probing = Future[Completed]
"""The probe while it runs."""


@contextlib.contextmanager
def begin_probe(subject: Subject) -> Iterator[Probing]:
    """Let the probe run while this process imports what it needs to understand the answer."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(put, subject.environment, subject.project.folder, PROBE)


@contextlib.contextmanager
def open_subject(request: CaptureRequest) -> Iterator[Subject]:
    """Read the settings and reach the environment; an engine's connection is closed at the end.

    Raises:
        UsageError: the project or the interpreter is not there, or two environments are named.
        InvalidFileError: the settings are not valid.
        MissingToolError: no engine answers, or it does not hold the image.
        CaptureError: the image has no Python.
    """
    _check(request)
    project = read_project(request.folder)
    job = job_to_freeze(project, request.command, request.env)
    if job is not None:
        refuse_secrets(job)
    if request.image is None:
        python = choose_python(project.folder, request.env, request.python, request.prefix)
        environment: Environment = LocalEnvironment(python, caller=request.env)
        yield Subject(project=project, job=job, environment=environment, request=request)
        return
    if request.python is not None or request.prefix is not None:
        raise UsageError("--image names an environment, and so do --python and --prefix: give one of them")
    with _open_image(request.image, request.env, project.folder) as environment:
        yield Subject(project=project, job=job, environment=environment, request=request, is_local=False)


def _check(request: CaptureRequest) -> None:
    """Refuse what asks for installed files beside a specification."""
    for option, given in (("--verify-files", request.verify_files), ("--deep", request.deep)):
        if given and request.specification is not None:
            raise UsageError(f"{option} looks at what is installed, and --from locks what is not yet: give one of them")


def refuse_secrets(job: Job) -> None:
    """Refuse a job whose description holds a secret: the lock records it as it stands.

    Raises:
        UsageError: names where it stands, not what it is.
    """
    named = secret_variables(job.env)
    if named:
        raise UsageError(
            f"job.env sets {', '.join(named)}, which looks like a secret and would stand in the lock: "
            "name it in job.pass-env, and set it in the environment"
        )
    for word in job.command:
        if redact(word) != word:
            raise UsageError(
                "job.command holds what looks like a secret, which would stand in the lock: "
                "let the job read it from a variable, named in job.pass-env"
            )


@contextlib.contextmanager
def _open_image(name: str, env: Mapping[str, str], folder: Path) -> Iterator[Environment]:
    from envsnap.environment.container import ContainerEnvironment
    from envsnap.host.engine import Engine

    with Engine.connect(env) as engine:
        image = engine.image(name)
        if image is None:
            raise MissingToolError(f"the engine holds no image {name}: fetch it with 'docker pull {name}', or build it")
        candidates = (ContainerEnvironment(engine, image.id, name, python=python) for python in IMAGE_PYTHONS)
        found = next((candidate for candidate in candidates if _starts(candidate, folder)), None)
        if found is None:
            raise CaptureError(
                f"the image {name} has neither 'python' nor 'python3' on its PATH: "
                "name an image in which the job's interpreter is installed"
            )
        yield found


def _starts(environment: Environment, folder: Path) -> bool:
    try:
        environment.execute(Execution(argv=(environment.python, "-c", "pass"), workdir=folder.absolute()))
    except CommandNotFoundError:
        return False
    return True
