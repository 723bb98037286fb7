"""The environments that were rebuilt from a lock: their names, which one to run in, and the proof that it is equal."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_never

import msgspec

from envsnap.build.own_code import with_own_code
from envsnap.capture.environment import capture_environment
from envsnap.environment import Environment
from envsnap.environment.container import ContainerEnvironment
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import BuildError, EnvironmentDiffersError, MissingToolError, UsageError
from envsnap.host.container.engine import Engine
from envsnap.host.files import atomic_write, work_folder
from envsnap.host.index.config import read_index_config
from envsnap.lock.source_trees import diff_sources
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.diff.rebuilt import Difference, diff_interpreter, diff_packages
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.phrases import plural
from envsnap.report.lock_diff import render_differences

SOURCE_HEADINGS = ("package", "in the lock", "in the working tree")


class RebuiltEnvironment(msgspec.Struct, frozen=True):
    """An environment to run in.

    ``reference`` is the name of an image, or the path of an interpreter; ``digest`` that of the lock which ``build``
    made it from.
    """

    target: BuildTarget
    reference: str
    digest: str = ""


def image_tag(project: Path, manifest: Manifest) -> str:
    """Name the image of a lock: the project's folder and the start of the digest."""
    name = re.sub(r"[^a-z0-9]+", "-", project.resolve().name.lower()).strip("-") or "project"
    return f"envsnap/{name}:{manifest.snapshot.digest[:12]}"


def venv_folder(project: Path) -> Path:
    """Return where a rebuilt virtual environment stands."""
    return work_folder(project) / "venv"


def remember_target(project: Path, target: BuildTarget, reference: str, manifest: Manifest) -> None:
    """Note what was built last of each target: verify takes the last of all where no target is named."""
    built = RebuiltEnvironment(target, reference, manifest.snapshot.digest)
    others = [former for former in last_builds(project) if former.target != target]
    atomic_write(work_folder(project) / "build.json", msgspec.json.encode((built, *others)))


def last_builds(project: Path) -> tuple[RebuiltEnvironment, ...]:
    """Return what was built last of each target, the last of all first; nothing where the note cannot be read."""
    kind = tuple[RebuiltEnvironment, ...]
    try:
        return msgspec.json.decode((work_folder(project) / "build.json").read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ()


def choose_rebuilt(
    project: Path, manifest: Manifest, *, target: BuildTarget | None, image: str | None
) -> RebuiltEnvironment:
    """Return the image named, else what was built last from this very lock, else the target's usual place.

    The target is the one named, else the one that was built last, from whatever lock, else docker.

    Raises:
        UsageError: an image and a virtual environment are named at once.
    """
    if image is not None:
        if target == "venv":
            raise UsageError("--image names a container image, --target venv a virtual environment: give one of them")
        return RebuiltEnvironment("docker", image)
    builds = last_builds(project)
    of_this_lock = (one for one in builds if one.digest == manifest.snapshot.digest and target in {None, one.target})
    if (built := next(of_this_lock, None)) is not None:
        return built
    if target == "venv" or (target is None and builds and builds[0].target == "venv"):
        return RebuiltEnvironment("venv", str(venv_folder(project).absolute() / "bin" / "python"))
    return RebuiltEnvironment("docker", image_tag(project, manifest))


def is_built(rebuilt: RebuiltEnvironment, manifest: Manifest, env: Mapping[str, str]) -> bool:
    """Whether the environment stands, and was made from this very lock; whether it equals the lock is still to prove.

    Raises:
        MissingToolError: no engine answers.
    """
    match rebuilt.target:
        case "venv":
            return rebuilt.digest == manifest.snapshot.digest and Path(rebuilt.reference).exists()
        case "docker":  # the name of an image holds the digest of its lock
            with connect_engine(env) as engine:
                return engine.image(rebuilt.reference) is not None
        case _:
            assert_never(rebuilt.target)


def connect_engine(env: Mapping[str, str]) -> Engine:
    """Find the engine to build with.

    Raises:
        MissingToolError: none answers; the message says what needs none.
    """
    try:
        return Engine.connect(env)
    except MissingToolError as error:
        raise MissingToolError(f"{error}; or take --target venv, which needs no engine") from error


@contextlib.contextmanager
def open_rebuilt(rebuilt: RebuiltEnvironment, env: Mapping[str, str]) -> Iterator[Environment]:
    """Reach a rebuilt environment; ``env`` is the caller's environment.

    Raises:
        BuildError: it was not built.
        MissingToolError: no engine answers.
    """
    match rebuilt.target:
        case "venv":
            python = Path(rebuilt.reference)
            if not python.exists():
                raise BuildError(f"there is no virtual environment with {python}: run 'envsnap build --target venv'")
            yield LocalEnvironment(python, caller=env)
        case "docker":
            with Engine.connect(env) as engine:
                name = rebuilt.reference
                image = engine.image(name)
                if image is None:
                    raise BuildError(f"the engine has no image {name}: run 'envsnap build', or name one with --image")
                yield ContainerEnvironment(engine, image.id, name)
        case _:
            assert_never(rebuilt.target)


def prove_equal(environment: Environment, manifest: Manifest, folder: Path) -> Path:
    """Probe an environment, compare it with a lock by version and by RECORD, and return its prefix.

    Raises:
        CaptureError: its interpreter gives no sound answer.
        EnvironmentDiffersError: names each difference.
    """
    found = capture_environment(environment, folder.absolute())
    contents = with_own_code(manifest).manifest.contents
    differences = (
        *diff_interpreter(contents.interpreter, found.interpreter),
        *diff_packages(contents.packages, found.packages),
    )
    if differences:
        raise EnvironmentDiffersError(_explain(differences, environment.name))
    return found.prefix


def prove_sources(manifest: Manifest, folder: Path, env: Mapping[str, str], *, offline: bool = False) -> None:
    """Hold the editable source trees of the working tree against the lock: the rebuilt environment has the locked ones.

    Raises:
        EnvironmentDiffersError: a tree changed; a verdict on the rebuilt one would say nothing about it.
    """
    packages = [package for package in manifest.contents.packages if package.installed.source_digest is not None]
    if not packages:
        return
    from envsnap.host.index.uv import find_uv

    uv = find_uv(read_index_config(env), offline=offline)
    differences = diff_sources(packages, folder, uv.build_wheel, work_folder(folder))
    if differences:
        raise EnvironmentDiffersError(
            "the source of a package that is installed editable is not the locked one:\n"
            f"{render_differences(differences, headings=SOURCE_HEADINGS)}\n"
            "Take it over with 'envsnap freeze' and 'envsnap build'"
        )


def _explain(differences: tuple[Difference, ...], name: str) -> str:
    table = render_differences(differences)
    count = plural(len(differences), "difference")
    return (
        f"the {name} is not the environment that envsnap.lock records: {count}\n{table}\n"
        "Build it again with 'envsnap build'"
    )
