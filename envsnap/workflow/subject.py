"""What a command captures: a project, its job, and the environment that the caller chose."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import CaptureError, CommandNotFoundError, MissingToolError, UsageError
from envsnap.host.secrets import redact, secret_variables
from envsnap.manifest.job import Job, JobOutput
from envsnap.workflow.probing import CaptureRequest, RunningProbe
from envsnap.workflow.project import ProjectFolder, job_to_freeze, other_outputs, read_project

IMAGE_PYTHONS = ("python", "python3")
"""The commands that an image's interpreter may have; an image of a distribution has the second alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is about to be captured: nothing was written yet.

    Args:
        project: the project and its settings.
        job: absent where none is described.
        environment: where the interpreter runs.
        request: what the caller asked for.
        others: what the project's other jobs write.
        probe: what the probe will have said of an interpreter of this machine; None for an image.
    """

    project: ProjectFolder
    job: Job | None
    environment: Environment
    request: CaptureRequest
    others: tuple[JobOutput, ...] = ()
    probe: Future[Completed] | None = None

    @property
    def is_local(self) -> bool:
        """Whether the environment's paths are paths of this machine."""
        return self.probe is not None

    @property
    def interpreter(self) -> Path | None:
        """The interpreter's path on this machine; None for one in an image."""
        return Path(self.environment.python) if self.is_local else None


@contextlib.contextmanager
def open_subject(request: CaptureRequest, probe: RunningProbe | None) -> Iterator[Subject]:
    """Read the settings and reach the environment; an engine's connection is closed at the end.

    Args:
        request: what to capture.
        probe: of an interpreter of this machine; None where an image is named.

    Raises:
        UsageError: the project is not there.
        InvalidFileError: the settings are not valid.
        MissingToolError: no engine answers, or it does not hold the image.
        CaptureError: the image has no Python.
    """
    _check(request)
    project = read_project(request.folder)
    job = job_to_freeze(project, request.command, request.env, request.profile)
    if job is not None:
        refuse_secrets(job)
    others = other_outputs(project, job)
    if probe is not None:
        environment, answer = probe.environment, probe.answer
        yield Subject(project=project, job=job, environment=environment, request=request, others=others, probe=answer)
    elif request.image is not None:
        with _open_image(request.image, request.env, project.folder) as image:
            yield Subject(project=project, job=job, environment=image, request=request, others=others)


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
    from envsnap.host.container.engine import Engine

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
