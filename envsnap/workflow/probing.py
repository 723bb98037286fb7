"""What to capture, and the probe of an interpreter of this machine; light, for it starts before all else is loaded."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from envsnap.environment import Completed
from envsnap.environment.local import LocalEnvironment
from envsnap.environment.script import PROBE, run_script
from envsnap.errors import UsageError
from envsnap.workflow.interpreters import check_folder, choose_python

if TYPE_CHECKING:
    from envsnap.lock.specification.specification_file import SpecificationRequest

LockerName = Literal["uv", "pip-tools"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureRequest:
    """What to capture.

    Args:
        folder: the project.
        env: the caller's environment.
        python: the interpreter to capture, or ``prefix``, its environment's folder, or ``image``, a container image;
            none of them: the project's own interpreter.
        command: the job's command, where it is not the one that the settings describe.
        profile: which of the job's profiles, where it is not the job itself.
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
    profile: str | None = None
    offline: bool = False
    verify_files: bool = False
    deep: bool = False
    gpu_uuids: bool = False
    specification: "SpecificationRequest | None" = None
    locker: LockerName = "uv"


@dataclass(frozen=True, slots=True)
class RunningProbe:
    """The probe while it runs, and of which interpreter."""

    environment: LocalEnvironment
    answer: Future[Completed]


def user_cache(env: Mapping[str, str]) -> Path | None:
    """Return the user's folder for what is kept from one command to the next; None where there is none.

    It is the user's and not the project's: what a clone brings, or a contained job writes, is never believed.
    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    folder = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else "")
    return Path(folder) / "envsnap" if Path(folder).is_absolute() else None


def start_probe(request: CaptureRequest) -> RunningProbe | None:
    """Start the probe of an interpreter of this machine; None for an image.

    Raises:
        UsageError: the project or the interpreter is not there, or two environments are named.
    """
    if request.image is not None:
        if request.python is not None or request.prefix is not None:
            raise UsageError("--image names an environment, and so do --python and --prefix: give one of them")
        return None
    check_folder(request.folder)
    python = choose_python(request.folder, request.env, request.python, request.prefix)
    environment = LocalEnvironment(python, caller=request.env)
    pool = ThreadPoolExecutor(max_workers=1)
    cache = user_cache(request.env)
    probe = replace(PROBE, arguments=(str(cache / "records.json"),)) if cache is not None else PROBE
    answer = pool.submit(run_script, environment, request.folder, probe)
    pool.shutdown(wait=False)
    return RunningProbe(environment, answer)
