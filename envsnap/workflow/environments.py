"""The environments that were rebuilt from a lock: their names, the proof that they are equal, and the last one."""

import re
from pathlib import Path
from typing import Literal

import msgspec

from envsnap.capture.interpreter import capture_interpreter
from envsnap.environment import Environment
from envsnap.errors import EnvironmentDiffersError
from envsnap.host.files import atomic_write, work_folder
from envsnap.manifest.diff import Difference, diff_interpreter, diff_packages
from envsnap.manifest.manifest import Manifest
from envsnap.report.differences import render_differences

Target = Literal["docker", "venv"]


class LastBuild(msgspec.Struct, frozen=True):
    """What ``build`` made last in a project."""

    target: Target
    reference: str
    digest: str


def image_tag(project: Path, manifest: Manifest) -> str:
    """Name the image of a lock: the project's folder and the start of the digest."""
    name = re.sub(r"[^a-z0-9]+", "-", project.resolve().name.lower()).strip("-") or "project"
    return f"envsnap/{name}:{manifest.snapshot.digest[:12]}"


def venv_folder(project: Path) -> Path:
    """Return where a rebuilt virtual environment stands."""
    return work_folder(project) / "venv"


def remember_target(project: Path, target: Target, reference: str, manifest: Manifest) -> None:
    """Note what was built last: verify takes it where no target is named."""
    last = LastBuild(target, reference, manifest.snapshot.digest)
    atomic_write(work_folder(project) / "build.json", msgspec.json.encode(last))


def last_build(project: Path) -> LastBuild | None:
    """Return what was built last, None where nothing was."""
    try:
        return msgspec.json.decode((work_folder(project) / "build.json").read_bytes(), type=LastBuild)
    except (OSError, msgspec.DecodeError):
        return None


def prove_equal(environment: Environment, manifest: Manifest, folder: Path) -> None:
    """Probe an environment and compare it with a lock, by version and by content.

    Raises:
        EnvironmentDiffersError: names each difference.
    """
    found = capture_interpreter(environment, folder.absolute())
    contents = manifest.contents
    differences = (
        *diff_interpreter(contents.interpreter, found.interpreter),
        *diff_packages(contents.packages, found.packages),
    )
    if differences:
        raise EnvironmentDiffersError(_explain(differences, environment.name))


def _explain(differences: tuple[Difference, ...], name: str) -> str:
    table = render_differences(differences, color=False, width=100)
    count = "1 difference" if len(differences) == 1 else f"{len(differences)} differences"
    return (
        f"the {name} is not the environment that envsnap.lock records: {count}\n{table}\n"
        "Build it again with 'envsnap build'"
    )
