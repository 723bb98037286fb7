"""The container engine: the only module that talks to its API (Docker, or Podman through the same API)."""

import contextlib
import logging
import os
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from envsnap.errors import BuildError, CommandNotFoundError, MissingToolError, OverlayRefusedError
from envsnap.host.container.address import engine_addresses, is_missing_socket
from envsnap.host.container.info import EngineInfo, ImageInfo, describe_engine, describe_image
from envsnap.host.container.run import NR_OPEN, RUN_LABEL, create_arguments, host_arguments
from envsnap.host.container.sdk_errors import closing_stream, each_message, explained, reason_of, sdk_errors
from envsnap.host.credentials import mask_credentials
from envsnap.host.execution import Completed, Execution
from envsnap.host.output import LiveOutput, ignore_line
from envsnap.host.overlay import Overlay
from envsnap.host.silence import noticing_silence

_API_SECONDS = 120
_GRACE_SECONDS = 5
_NOT_EXECUTED = 127
_CLEAR_SECONDS = 30
_NO_LIMIT = "rlimit"
_NO_VOLUME = "mount local volume"
_INIT_FAILURES = (b"[FATAL tini", b"(catatonit:")
_CLI_VARIABLES = ("DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "HOME", "PATH", "XDG_RUNTIME_DIR")

_log = logging.getLogger(__name__)


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
        refusals: tuple[type[Exception], ...] = (*sdk_errors(), ValueError)  # ValueError: a port that is no number
        for address in engine_addresses(variables):
            if is_missing_socket(address):
                failures.append(f"{address} (no such socket)")
                continue
            try:
                return cls._connect_at(address, variables, seconds)
            except refusals as error:
                failures.append(f"{mask_credentials(address)} ({reason_of(error)})")
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
            info = describe_engine(address, client.version(), client.info())
            closing.pop_all()
        cli = {name: variables[name] for name in _CLI_VARIABLES if name in variables}
        return cls(client, info, cli | {"DOCKER_HOST": address})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
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

        with explained(f"cannot look up image '{name}'"):
            try:
                found = self._client.inspect_image(name)
            except docker.errors.ImageNotFound:
                return None
        return describe_image(found)

    def pull(self, name: str, on_progress: Callable[[str], None] = ignore_line) -> ImageInfo:
        """Fetch an image from its registry.

        Raises:
            MissingToolError: the registry or the engine does not give it.
        """
        import docker.utils

        repository, tag = docker.utils.parse_repository_tag(name)
        what = f"cannot pull image '{name}'"
        with explained(what):
            stream = self._client.pull(repository, tag=tag or "latest", stream=True, decode=True)
        for message in each_message(stream, what):
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

    def run(self, image: str, execution: Execution) -> Completed:
        """Run one command in a new container of ``image``, its name or ID; the container is removed in every case.

        It runs as the caller's user, without capabilities, without the image's entrypoint, and sees no more
        of this machine than what ``execution`` names. Where the engine refuses to remove it, a warning says so.
        A container that a killed command left at work in the same folder is ended first: it would write into this
        run's outputs.

        Raises:
            MissingToolError: the image, the command, a GPU or the engine is not there.
            OverlayRefusedError: the engine makes no overlay.
            UsageError: a path to mount is not there.
        """
        workdir = execution.workdir
        _log.debug("in image %s, %s: %s", image, workdir, mask_credentials(shlex.join(execution.argv)))
        if execution.overlay is not None and (self.info.podman or not self.info.root):
            raise OverlayRefusedError("the engine is Podman, or another machine's; only Docker on this one is asked")
        self._end_leftovers(workdir)
        try:
            return self._execute_limited(image, execution)
        finally:
            if execution.overlay is not None:
                self._clear(image, execution.overlay)

    def _execute_limited(self, image: str, execution: Execution) -> Completed:
        """Run with the limits that are asked for, or with the engine's own where the kernel lets it raise none."""
        try:
            return self._execute(image, execution)
        except MissingToolError as error:
            if _NO_LIMIT not in str(error):
                raise
            _log.warning("the engine may not raise the limits on locked memory and open files: the job has its own")
        return self._execute(image, replace(execution, memlock_bytes=None, open_files=None))

    def _execute(self, image: str, execution: Execution) -> Completed:
        host = host_arguments(
            execution, selinux=self.info.selinux, rootless=self.info.rootless, nr_open=_most_open_files()
        )
        user = "0:0" if self.info.rootless else f"{os.getuid()}:{os.getgid()}"
        with explained(f"cannot create a container of image '{image}'"):
            container = self._client.create_container(
                **create_arguments(image, execution, user=user),
                host_config=self._client.create_host_config(**host),
                use_config_proxy=False,
            )["Id"]
        try:
            return self._follow(container, image, execution)
        finally:
            self._remove(container)

    def _clear(self, image: str, overlay: Overlay) -> None:
        """Empty the kernel's folder of an overlay, which is the engine's own and which the caller may not look into.

        The kernel does so where it mounts an overlay with the same folder again; what runs there has no part in it.
        """
        with contextlib.suppress(OSError):
            (overlay.work / "work").rmdir()
        if not (overlay.work / "work").exists():
            return
        empty = [overlay.work.with_name(f"{overlay.work.name}-{name}") for name in ("lower", "upper")]
        for folder in empty:
            folder.mkdir(exist_ok=True)
        again = Execution(
            argv=("true",), workdir=empty[0], overlay=Overlay(empty[0], empty[1], overlay.work), timeout=_CLEAR_SECONDS
        )
        try:
            self._execute(image, again)
        except MissingToolError as error:
            _log.warning("%s could not be emptied: %s", overlay.work, error)
        finally:
            for folder in empty:
                shutil.rmtree(folder, ignore_errors=True)  # whatever the image's own `true` wrote there

    def _end_leftovers(self, workdir: Path) -> None:
        with explained("cannot list the containers"):
            left = self._client.containers(all=True, filters={"label": f"{RUN_LABEL}={workdir}"})
        for container in left:
            _log.warning("ending container %s, which an interrupted command left in %s", container["Id"][:12], workdir)
            self._remove(container["Id"])

    def build(self, context: Path, *, tag: str, network: str) -> Iterator[Mapping[str, Any]]:
        """Build an image with the classic builder; yield the engine's messages.

        Raises:
            BuildError: the engine refuses, as for a Dockerfile that it cannot parse.
            MissingToolError: the engine does not answer.
        """
        import docker.errors

        what = f"cannot build image '{tag}'"
        with explained(what):
            try:
                yield from self._client.build(
                    path=str(context),
                    tag=tag,
                    network_mode=network,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    use_config_proxy=True,
                )
            except docker.errors.APIError as error:
                raise BuildError(f"{what}: {reason_of(error)}") from error

    def tag(self, image: str, name: str) -> None:
        """Give an image another name; BuildKit's FROM takes a name, and not the ID of a local image.

        Raises:
            MissingToolError: the engine does not hold the image, or does not answer.
        """
        import docker.utils

        repository, tag = docker.utils.parse_repository_tag(name)
        with explained(f"cannot give image '{image}' the name '{name}'"):
            self._client.tag(image, repository, tag=tag)

    def image_ids(self) -> frozenset[str]:
        """Return the IDs of all images, those of intermediate build steps included."""
        with explained("cannot list the images"):
            return frozenset(image["Id"] for image in self._client.images(all=True))

    def remove_unused_image(self, name: str) -> bool:
        """Remove one image, but not its parents; return False where something still needs it."""
        import docker.errors

        with explained(f"cannot remove image '{name}'"):
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
        except sdk_errors() as error:
            _log.warning("container %s could not be removed: %s", container[:12], reason_of(error))

    def _follow(self, container: str, image: str, execution: Execution) -> Completed:
        what = f"cannot run '{execution.argv[0]}' in image '{image}'"
        outputs = (LiveOutput(execution.on_output), LiveOutput(execution.on_output))
        with explained(what):
            # Attached before it starts, so that no output is missed.
            stream = self._client.attach(container, stream=True, demux=True)
        with closing_stream(stream):
            started = time.monotonic()
            self._start(container, what, execution)
            with self._limited(container, execution.timeout) as expired, self._watched(container, execution) as heard:
                for chunks in each_message(stream, what):
                    heard()
                    for output, chunk in zip(outputs, chunks, strict=True):
                        output.feed(chunk or b"")
                with explained(what):
                    exit_code = self._client.wait(container, timeout=None)["StatusCode"]
            seconds = time.monotonic() - started
        with explained(what):
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

    def _start(self, container: str, what: str, execution: Execution) -> None:
        try:
            with explained(what):
                self._client.start(container)
        except MissingToolError as error:
            if execution.overlay is not None and _NO_VOLUME in str(error):
                raise OverlayRefusedError(str(error)) from error
            raise

    def _watched(self, container: str, execution: Execution) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Notice silence, where the container's processes are this machine's to see."""
        leader = self._leader(container) if execution.on_silence is not None else None
        return noticing_silence(leader, execution.timeout, execution.on_silence)

    def _leader(self, container: str) -> int | None:
        """Return the number of the container's first process; None where another machine's engine tells it."""
        with explained("cannot look at a container"):
            pid = int(self._client.inspect_container(container)["State"].get("Pid") or 0)
        try:
            groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return pid if container[:12] in groups else None

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
        except sdk_errors() as error:
            _log.warning("container %s ran out of time and could not be stopped: %s", container[:12], error)


def _most_open_files() -> int:
    """Return how many files this machine's kernel lets a process open; its default where it does not say."""
    try:
        return int(Path("/proc/sys/fs/nr_open").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return NR_OPEN
