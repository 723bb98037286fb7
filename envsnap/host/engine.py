"""The container engine: the only module that talks to its API (Docker, or Podman through the same API)."""

import contextlib
import logging
import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envsnap.errors import BuildError, CommandNotFoundError, MissingToolError
from envsnap.host.container_run import RUN_LABEL, ContainerRun, create_arguments, host_arguments
from envsnap.host.engine_address import engine_addresses, is_missing_socket, local_root
from envsnap.host.execution import Completed
from envsnap.host.gpu_runtime import gpu_support
from envsnap.host.output import LiveOutput, ignore_line, mask_credentials

_API_SECONDS = 120
_GRACE_SECONDS = 5
_NOT_EXECUTED = 127
_INIT_FAILURES = (b"[FATAL tini", b"(catatonit:")
_CLI_VARIABLES = ("DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "HOME", "PATH", "XDG_RUNTIME_DIR")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """What answered: its address and version, and the traits that change how containers must be asked for.

    Args:
        podman: whether it is Podman, which has no BuildKit.
        rootless: whether the user 0 inside a container is the engine's own user outside.
        selinux: whether mounted folders must be exempted from SELinux labels.
        api: version of its API; ``arch``: of its containers; ``root``: its image folder, "" where not on this machine.
        gpu_support: by which ways it can give GPUs to containers.
    """

    address: str
    version: str
    podman: bool = False
    rootless: bool = False
    selinux: bool = False
    api: str = ""
    arch: str = ""
    root: str = ""
    gpu_support: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInfo:
    """One image as the engine holds it; ``repo_digests`` is empty for an image that no registry gave."""

    id: str
    repo_digests: tuple[str, ...]
    labels: Mapping[str, str]
    architecture: str


class Engine:
    """A connection to a container engine.

    Args:
        client: the SDK's low-level client.
        info: what answered.
        cli_environment: the whole environment under which the docker command line reaches the same engine.
    """

    def __init__(self, client: Any, info: EngineInfo, cli_environment: Mapping[str, str]) -> None:  # noqa: ANN401  the SDK is untyped
        self._client = client
        self.info = info
        self.cli_environment = dict(cli_environment)

    @classmethod
    def connect(cls, environ: Mapping[str, str] | None = None, *, seconds: float = _API_SECONDS) -> Self:
        """Find the engine: at DOCKER_HOST, else at the sockets where Docker and Podman listen.

        Args:
            environ: the caller's variables; this process's own by default.
            seconds: how long each question may take.

        Raises:
            MissingToolError: no engine answers; the message says what was tried.
        """
        variables = dict(os.environ if environ is None else environ)
        failures = []
        refusals: tuple[type[Exception], ...] = (*_sdk_errors(), ValueError)  # ValueError: a port that is no number
        for address in engine_addresses(variables):
            if is_missing_socket(address):
                failures.append(f"{address} (no such socket)")
                continue
            try:
                return cls._connect_at(address, variables, seconds)
            except refusals as error:
                failures.append(f"{mask_credentials(address)} ({_reason(error)})")
        raise MissingToolError(
            f"no container engine answers at {', nor at '.join(failures)}: start Docker"
            " (systemctl start docker, or Docker Desktop) or Podman, or set DOCKER_HOST"
        )

    @classmethod
    def _connect_at(cls, address: str, variables: Mapping[str, str], seconds: float) -> Self:
        import docker
        import docker.utils

        options = docker.utils.kwargs_from_env(environment=variables) | {"base_url": address}
        client = docker.APIClient(version="auto", timeout=seconds, **options)
        with contextlib.ExitStack() as closing:
            closing.callback(client.close)
            info = _describe(address, client.version(), client.info())
            closing.pop_all()
        cli = {name: variables[name] for name in _CLI_VARIABLES if name in variables}
        return cls(client, info, cli | {"DOCKER_HOST": address})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def image(self, name: str) -> ImageInfo | None:
        """Return the image of that name or ID, or None where the engine does not hold it.

        Raises:
            MissingToolError: the engine does not answer.
        """
        import docker.errors

        with _explained(f"cannot look up image '{name}'"):
            try:
                found = self._client.inspect_image(name)
            except docker.errors.ImageNotFound:
                return None
        return _image_info(found)

    def pull(self, name: str, on_progress: Callable[[str], None] = ignore_line) -> ImageInfo:
        """Fetch an image from its registry.

        Raises:
            MissingToolError: the registry or the engine does not give it.
        """
        import docker.utils

        repository, tag = docker.utils.parse_repository_tag(name)
        what = f"cannot pull image '{name}'"
        with _explained(what):
            stream = self._client.pull(repository, tag=tag or "latest", stream=True, decode=True)
        for message in _each(stream, what):
            if "error" in message:
                raise MissingToolError(
                    f"{what}: {mask_credentials(str(message['error']))}; check its name, the network and `docker login`"
                )
            words = (message.get(key) for key in ("id", "status", "progress"))
            on_progress(" ".join(str(word) for word in words if word))
        found = self.image(name)
        if found is None:
            raise MissingToolError(f"{what}: the engine took it and does not show it; pull it by hand")
        return found

    def run(self, run: ContainerRun) -> Completed:
        """Run one command in a new container, which is removed in every case.

        It runs as the caller's user, without capabilities, without the image's entrypoint, and sees no more
        of this machine than what ``run`` names. Where the engine refuses to remove it, a warning says so.
        A container that a killed command left at work in the same folder is ended first: it would write into this
        run's outputs.

        Raises:
            MissingToolError: the image, the command, a GPU or the engine is not there.
            UsageError: a path to mount is not there.
        """
        argv, workdir = run.execution.argv, run.execution.workdir
        _log.debug("in image %s, %s: %s", run.image, workdir, mask_credentials(shlex.join(argv)))
        host = host_arguments(run.execution, selinux=self.info.selinux)
        user = "0:0" if self.info.rootless else f"{os.getuid()}:{os.getgid()}"
        self._end_leftovers(workdir)
        with _explained(f"cannot create a container of image '{run.image}'"):
            container = self._client.create_container(
                **create_arguments(run, user=user),
                host_config=self._client.create_host_config(**host),
                use_config_proxy=False,
            )["Id"]
        try:
            return self._follow(container, run)
        finally:
            self._remove(container)

    def _end_leftovers(self, workdir: Path) -> None:
        with _explained("cannot list the containers"):
            left = self._client.containers(all=True, filters={"label": f"{RUN_LABEL}={workdir}"})
        for container in left:
            _log.warning("ending container %s, which an interrupted command left in %s", container["Id"][:12], workdir)
            self._remove(container["Id"])

    def build(self, context: Path, *, tag: str, labels: Mapping[str, str], network: str) -> Iterator[Mapping[str, Any]]:
        """Build an image with the classic builder; yield the engine's messages.

        Raises:
            BuildError: the engine refuses, as for a Dockerfile that it cannot parse.
            MissingToolError: the engine does not answer.
        """
        import docker.errors

        what = f"cannot build image '{tag}'"
        with _explained(what):
            try:
                yield from self._client.build(
                    path=str(context),
                    tag=tag,
                    labels=dict(labels),
                    network_mode=network,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    use_config_proxy=True,
                )
            except docker.errors.APIError as error:
                raise BuildError(f"{what}: {_reason(error)}") from error

    def tag(self, image: str, name: str) -> None:
        """Give an image another name; BuildKit's FROM takes a name, and not the ID of a local image.

        Raises:
            MissingToolError: the engine does not hold the image, or does not answer.
        """
        import docker.utils

        repository, tag = docker.utils.parse_repository_tag(name)
        with _explained(f"cannot give image '{image}' the name '{name}'"):
            self._client.tag(image, repository, tag=tag)

    def image_names(self) -> frozenset[str]:
        """Return the names, ``repository:tag``, of all images."""
        with _explained("cannot list the images"):
            return frozenset(name for image in self._client.images() for name in image["RepoTags"] or ())

    def image_ids(self) -> frozenset[str]:
        """Return the IDs of all images, those of intermediate build steps included."""
        with _explained("cannot list the images"):
            return frozenset(image["Id"] for image in self._client.images(all=True))

    def remove_unused_image(self, name: str) -> bool:
        """Remove one image, but not its parents; return False where something still needs it."""
        import docker.errors

        with _explained(f"cannot remove image '{name}'"):
            try:
                self._client.remove_image(name, noprune=True)
            except docker.errors.APIError as error:
                if error.status_code in {404, 409}:
                    return False
                raise
        return True

    def _remove(self, container: str) -> None:
        """Remove a container; a failure is told and not raised: it would hide how the run ended, an interrupt even."""
        try:
            self._client.remove_container(container, force=True, v=True)
        except _sdk_errors() as error:
            _log.warning("container %s could not be removed: %s", container[:12], _reason(error))

    def _follow(self, container: str, run: ContainerRun) -> Completed:
        execution = run.execution
        what = f"cannot run '{execution.argv[0]}' in image '{run.image}'"
        outputs = (LiveOutput(execution.on_output), LiveOutput(execution.on_output))
        with _explained(what):
            # Attached before it starts, so that no output is missed.
            stream = self._client.attach(container, stream=True, demux=True)
        with _closing(stream):
            started = time.monotonic()
            with _explained(what):
                self._client.start(container)
            with self._limited(container, execution.timeout) as expired:
                for chunks in _each(stream, what):
                    for output, chunk in zip(outputs, chunks, strict=True):
                        output.feed(chunk or b"")
                with _explained(what):
                    exit_code = self._client.wait(container, timeout=None)["StatusCode"]
            seconds = time.monotonic() - started
        with _explained(what):
            state = self._client.inspect_container(container)["State"]
        stdout, stderr = (output.finish() for output in outputs)
        if exit_code == _NOT_EXECUTED and stderr.startswith(_INIT_FAILURES):
            raise CommandNotFoundError(f"{what}: '{execution.argv[0]}' is not there, or cannot be executed")
        return Completed(
            exit_code=exit_code,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            timed_out=expired.is_set(),
            out_of_memory=bool(state.get("OOMKilled")),
        )

    @contextlib.contextmanager
    def _limited(self, container: str, seconds: float | None) -> Iterator[threading.Event]:
        """End the container after ``seconds``; the event says whether that happened."""
        expired = threading.Event()
        if seconds is None:
            yield expired
            return
        timer = threading.Timer(seconds, self._expire, (container, expired))
        timer.start()
        try:
            yield expired
        finally:
            timer.cancel()
            timer.join()

    def _expire(self, container: str, expired: threading.Event) -> None:
        expired.set()
        try:
            self._client.stop(container, timeout=_GRACE_SECONDS)
        except _sdk_errors() as error:
            _log.warning("container %s ran out of time and could not be stopped: %s", container[:12], error)


def _describe(address: str, version: Mapping[str, Any], info: Mapping[str, Any]) -> EngineInfo:
    components = [component.get("Name", "") for component in version.get("Components") or ()]
    security = [option.split(",")[0] for option in info.get("SecurityOptions") or ()]
    root = local_root(address, info)
    return EngineInfo(
        address=address,
        version=version.get("Version", ""),
        podman=any("podman" in name.lower() for name in components),
        rootless="name=rootless" in security,
        selinux="name=selinux" in security,
        api=version.get("ApiVersion", ""),
        arch=info.get("Architecture", ""),
        root=root,
        gpu_support=gpu_support(info, local=bool(root)),
    )


def _image_info(found: Mapping[str, Any]) -> ImageInfo:
    return ImageInfo(
        id=found["Id"],
        repo_digests=tuple(sorted(found.get("RepoDigests") or ())),
        labels=(found.get("Config") or {}).get("Labels") or {},
        architecture=found.get("Architecture", ""),
    )


def _sdk_errors() -> tuple[type[Exception], ...]:
    """Return what the SDK raises: its own errors, those of requests (OSError), urllib3's from streams."""
    import docker.errors
    import urllib3.exceptions

    return docker.errors.DockerException, OSError, urllib3.exceptions.HTTPError


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except _sdk_errors() as error:
        raise MissingToolError(f"{what}: {_reason(error)}{_advice(error)}") from error


def _each(stream: Iterator[Any], what: str) -> Iterator[Any]:
    """Iterate over a stream of the engine's; errors of whoever reads it are not taken for the engine's."""
    while True:
        with _explained(what):
            try:
                item = next(stream)
            except StopIteration:
                return
        yield item


@contextlib.contextmanager
def _closing(stream: Any) -> Iterator[None]:  # noqa: ANN401  the SDK is untyped
    try:
        yield
    finally:
        stream.close()
        stream._response.close()  # noqa: SLF001  the SDK shuts the socket down and leaves its file open


def _reason(error: Exception) -> str:
    """Return the engine's own words where it sent some: the SDK's message leads with an internal address."""
    return mask_credentials(str(getattr(error, "explanation", None) or error))


def _advice(error: Exception) -> str:
    words = str(error).lower()
    if "no such image" in words:
        return "; build or pull the image first"
    if "could not select device driver" in words:
        return '; the engine offers no GPU: install the NVIDIA Container Toolkit, or ask for gpus = "none"'
    return ""
