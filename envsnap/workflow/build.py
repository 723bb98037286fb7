"""envsnap build: envsnap.lock -> a rebuilt environment, proven equal to what was captured."""

import contextlib
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from envsnap.build.context import uv_for, write_context, write_secrets
from envsnap.build.image import SECRETS_FOLDER, ImageBuild, build_image
from envsnap.build.venv import build_venv, note_project
from envsnap.build.wheels import check_complete, check_without_conda
from envsnap.environment import Environment
from envsnap.environment.container import ContainerEnvironment
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import BuildError, UsageError
from envsnap.host.container.docker_cli import BuildKit, find_builder
from envsnap.host.container.engine import Engine
from envsnap.host.credentials import without_credentials
from envsnap.host.files import exclusive, work_folder
from envsnap.host.index.config import IndexConfig, read_index_config
from envsnap.manifest.build_spec import BuildSpec, BuildTarget
from envsnap.manifest.diff.rebuilt import has_unread_content
from envsnap.manifest.manifest import Manifest
from envsnap.render.docker import render_docker
from envsnap.render.requirements_file import render_requirements
from envsnap.workflow.environments import connect_engine, image_tag, prove_equal, remember_target, venv_folder
from envsnap.workflow.interpreters import check_folder, find_own_python
from envsnap.workflow.lock_source import LockSource, open_lock_source
from envsnap.workflow.progress import Progress

UNPINNED = "{name} stands only in this engine, no registry pins it: the Dockerfile names it by tag"
APT_NEEDS_NETWORK = (
    "a bundle holds no Debian packages: the build fetches {names} ([build].apt) from a mirror, and fails without one"
)
REQUIREMENTS = "requirements.txt"
CONTEXT = frozenset({"Dockerfile", "install.sh", "requirements", "tools", "wheels", SECRETS_FOLDER})
"""All that a rendered context holds at its top: a folder with anything else is the user's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What the user asked for; ``env`` is the caller's environment.

    Without ``lock`` it is the bundle's own, or the project's; with ``bundle`` no network is used.
    """

    folder: Path
    env: Mapping[str, str]
    lock: Path | None
    target: BuildTarget
    bundle: Path | None = None
    tag: str | None = None
    render_only: bool = False
    output: Path | None = None
    network: Literal["default", "host", "none"] = "default"


class BuildResult(msgspec.Struct, frozen=True):
    """What stands now.

    ``reference`` is an image, an interpreter, or the folder of a rendered context; ``unread`` packages were compared by
    version alone.
    """

    kind: Literal["docker", "venv", "context"]
    reference: str
    packages: int
    image_id: str = ""
    unread: int = 0


def build(request: BuildRequest, progress: Progress) -> BuildResult:
    """Render, build, probe the result and compare it with the lock.

    Raises:
        UsageError: the options contradict each other, or would overwrite the user's own files.
        InvalidFileError: the lock is not valid.
        BundleError: the bundle is none, is damaged, or holds not all that the lock needs.
        BuildError: a package has no artefact, or a step fails.
        EnvironmentDiffersError: what was built is not what was captured.
        MissingToolError: no engine answers.
    """
    _check_request(request)
    source = open_lock_source(request.folder, request.lock, request.bundle, progress)
    with exclusive(request.folder):
        return build_source(request, source, progress)


def build_source(request: BuildRequest, source: LockSource, progress: Progress) -> BuildResult:
    """Build a lock that is read already, in a project that the caller holds; see :func:`build`."""
    check_without_conda(source.manifest.contents)
    check_complete(source.carried.contents.packages)
    config = IndexConfig(no_index=True) if source.is_offline else read_index_config(request.env)
    if request.target == "venv":
        return _build_venv(request, source, config, progress)
    return _build_docker(request, source, config, progress)


def _check_request(request: BuildRequest) -> None:
    check_folder(request.folder)
    if request.target == "venv" and request.tag is not None:
        raise UsageError("--tag names an image, and --target venv makes none: leave one of them out")
    if request.output is not None and request.folder.resolve().is_relative_to(request.output.resolve()):
        raise UsageError(f"--output {request.output} holds the project and would be overwritten: name another folder")


def _build_venv(request: BuildRequest, source: LockSource, config: IndexConfig, progress: Progress) -> BuildResult:
    from envsnap.host.index.uv import find_uv

    manifest, carried = source.manifest, source.carried
    requirements = render_requirements(carried.contents.packages)
    if request.render_only:
        folder = request.output or work_folder(request.folder) / "render"
        _refuse_foreign_folder(folder, frozenset({REQUIREMENTS}), REQUIREMENTS)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REQUIREMENTS).write_text(requirements, encoding="utf-8")
        return BuildResult("context", str(folder), len(manifest.contents.packages))
    progress.stage(f"installing {len(manifest.contents.packages)} packages into a virtual environment")
    folder = request.output or venv_folder(request.folder)
    python = build_venv(
        carried,
        requirements,
        folder=folder.absolute(),
        copy_wheel=source.wheels(request.folder, config),
        uv=find_uv(_with_locked(config, manifest.contents.build), offline=source.is_offline),
        own=find_own_python(request.folder, request.env, manifest.contents.interpreter.version),
    )
    note_project(folder, request.folder)
    _prove(LocalEnvironment(python, caller=request.env), manifest, request, progress)
    remember_target(request.folder, "venv", str(python), manifest)
    return BuildResult("venv", str(python), len(manifest.contents.packages), unread=_unread(manifest))


def _build_docker(request: BuildRequest, source: LockSource, config: IndexConfig, progress: Progress) -> BuildResult:
    manifest = source.manifest
    folder = request.output or work_folder(request.folder) / "context"
    if request.render_only:
        base = _wanted_base(manifest)
        return _render(request, source, config, base=base, buildkit=True, folder=folder)
    with connect_engine(request.env) as engine:
        builder = find_builder(engine.cli_environment, podman=engine.info.podman)
        if source.is_offline:
            _check_base(engine, _wanted_base(manifest))
        base = _resolve_base(engine, _wanted_base(manifest), progress)
        network = _network(request, source, progress)
        progress.stage("writing the build context")
        _render(request, source, config, base=base, buildkit=isinstance(builder, BuildKit), folder=folder)
        tag = request.tag or image_tag(request.folder, manifest)
        progress.stage(f"building image {tag}")
        with _secrets(request.env, source, config) as secrets:
            wanted = ImageBuild(context=folder.absolute(), tag=tag, secrets=secrets, network=network)
            image = build_image(engine, builder, wanted, progress.detail)
        _prove(ContainerEnvironment(engine, image, tag), manifest, request, progress)
    remember_target(request.folder, "docker", tag, manifest)
    return BuildResult("docker", tag, len(manifest.contents.packages), image, _unread(manifest))


def _check_base(engine: Engine, name: str) -> None:
    """Ask no registry: a bundle holds packages, and no image.

    Raises:
        BuildError: the engine has not the base image.
    """
    if engine.image(name) is None:
        raise BuildError(
            f"the engine holds no image {name}, and a bundle brings none: fetch it with 'docker pull {name}' where "
            "there is a network, or carry it here with 'docker save' and 'docker load'; or build with --target venv"
        )


def _network(request: BuildRequest, source: LockSource, progress: Progress) -> Literal["default", "host", "none"]:
    """Return the network of the build's steps: with a bundle none, but for Debian packages, which it does not hold."""
    apt = source.manifest.contents.build.apt
    if source.is_offline and apt:
        progress.warn(APT_NEEDS_NETWORK.format(names=", ".join(apt)))
    return "none" if source.is_offline and not apt and request.network == "default" else request.network


def _unread(manifest: Manifest) -> int:
    return sum(map(has_unread_content, manifest.contents.packages))


def _with_locked(config: IndexConfig, build: BuildSpec) -> IndexConfig:
    """Put the indexes that served at freeze after this machine's own; every wheel is held against its hash."""
    if config.no_index:
        return config
    own = [config.index_url, *config.extra_index_urls]
    known = {without_credentials(url) for url in own if url}
    locked = [url for url in (build.index_url, *build.extra_index_urls) if url and url not in known]
    default = config.index_url or (locked.pop(0) if build.index_url in locked else None)
    return replace(config, index_url=default, extra_index_urls=(*config.extra_index_urls, *locked))


@contextlib.contextmanager
def _secrets(env: Mapping[str, str], source: LockSource, config: IndexConfig) -> Iterator[Mapping[str, Path]]:
    """Hold the files with index settings and certificates outside of the context, for the time of the build."""
    if source.is_offline:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="envsnap-secrets-") as name:
        home = Path(env.get("HOME", name))
        yield write_secrets(config, source.manifest.contents.build, folder=Path(name), home=home)


def _render(
    request: BuildRequest, source: LockSource, config: IndexConfig, *, base: str, buildkit: bool, folder: Path
) -> BuildResult:
    from envsnap.host.index.uv import find_uv

    context = render_docker(source.carried, base_image=base, buildkit=buildkit, offline=source.is_offline)
    uv = uv_for(
        source.manifest.contents.platform.arch,
        find_uv(config).executable,
        host_system=platform.system(),
        host_arch=platform.machine(),
    )
    if request.output is not None:
        _refuse_foreign_folder(folder, CONTEXT, "Dockerfile")
    write_context(context.texts, context.wheels, folder=folder, copy_wheel=source.wheels(request.folder, config), uv=uv)
    return BuildResult("context", str(folder), len(source.manifest.contents.packages))


def _refuse_foreign_folder(folder: Path, known: frozenset[str], mark: str) -> None:
    """Let only an empty folder be overwritten, and one that holds ``mark`` and nothing beside the ``known`` names."""
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if found and not (mark in found and found <= known):
        raise BuildError(f"{folder} holds other files and would be overwritten: name an empty folder with --output")


def _wanted_base(manifest: Manifest) -> str:
    base = manifest.contents.build.base_image
    if base is None:
        raise BuildError("the lock names no base image: set base-image under [build] in envsnap.toml and freeze again")
    return base


def _resolve_base(engine: Engine, name: str, progress: Progress) -> str:
    """Return the base by digest where the registry that it names gave it, else by tag with a warning."""
    image = engine.image(name)
    if image is None:
        progress.stage(f"pulling {name}")
        image = engine.pull(name, progress.detail)
    if "@" in name:
        return name
    digest = _digest_of(name, image.repo_digests)
    if digest is None:
        progress.warn(UNPINNED.format(name=name))
        return name
    return f"{name}@{digest}"


def _digest_of(name: str, repo_digests: Iterable[str]) -> str | None:
    """Return the digest under the name's own repository: another registry may hold the image under another digest."""
    folder, _, last = name.rpartition("/")
    wanted = _familiar(f"{folder}/{last.partition(':')[0]}".removeprefix("/"))
    pairs = (entry.rpartition("@") for entry in repo_digests)
    return next((digest for repository, _, digest in pairs if _familiar(repository) == wanted), None)


def _familiar(repository: str) -> str:
    """Shorten a repository of Docker Hub as Docker does; Podman spells it out: https://docs.docker.com/reference/cli/docker/image/tag/."""
    return repository.removeprefix("index.docker.io/").removeprefix("docker.io/").removeprefix("library/")


def _prove(environment: Environment, manifest: Manifest, request: BuildRequest, progress: Progress) -> None:
    progress.stage("comparing the rebuilt environment with the lock")
    prove_equal(environment, manifest, request.folder)
