"""The engine is found or explained, and a container runs confined, live and without leftovers."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from envsnap.errors import MissingToolError, OverlayRefusedError
from envsnap.host.container.engine import Engine
from envsnap.host.container.info import EngineInfo, ImageInfo
from envsnap.host.container.run import HOME, RUN_LABEL
from envsnap.host.execution import Completed, Execution
from envsnap.host.overlay import Overlay

INFO = EngineInfo(address="unix:///engine.sock", version="1")


class FakeClient:
    """Answers the few calls of an engine that pulls and inspects images."""

    def __init__(self, *messages: dict[str, str]) -> None:
        self.messages = messages
        self.asked: list[tuple[str, str]] = []

    def pull(self, repository: str, *, tag: str, stream: bool, decode: bool) -> Any:
        """Stream the messages."""
        assert stream
        assert decode
        self.asked.append((repository, tag))
        return iter(self.messages)

    def inspect_image(self, name: str) -> dict[str, Any]:
        """Hold every image but one."""
        if name == "absent:1":
            raise docker.errors.ImageNotFound(name)
        if name == "broken:1":
            raise docker.errors.DockerException("https://u:p@index.example/ broke")
        return {"Id": "sha256:1", "RepoDigests": ["b@2", "a@1"], "Config": {"Labels": None}, "Architecture": "amd64"}


def test_unreachable_engine_is_explained(tmp_path: Path) -> None:
    """The message says what was tried and what to do."""
    with pytest.raises(MissingToolError) as caught:
        Engine.connect({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    expected = (
        f"no container engine answers at unix://{tmp_path}/none.sock (no such socket): start Docker"
        " (systemctl start docker, or Docker Desktop) or Podman, or set DOCKER_HOST"
    )
    assert expected == str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://engine.example:99999", "tcp://engine.example:99999 (Port out of range"),
        ("tcp://u:p@engine.example:2375", "tcp://***@engine.example:2375 (Invalid bind address"),
    ],
)
def test_address_that_is_none_is_explained(address: str, said: str) -> None:
    """A password in it is not repeated."""
    with pytest.raises(MissingToolError) as caught:
        Engine.connect({"DOCKER_HOST": address})

    assert f"no container engine answers at {said}" in str(caught.value)
    assert "u:p" not in str(caught.value)


def test_container_that_cannot_be_removed_does_not_hide_the_interrupt(caplog: pytest.LogCaptureFixture) -> None:
    """The exit code stays that of an interrupt; the leftover is named."""

    class Client(FakeClient):
        def containers(self, **_options: Any) -> list[dict[str, str]]:
            return []

        def create_host_config(self, **_options: Any) -> dict[str, Any]:
            return {}

        def create_container(self, **_options: Any) -> dict[str, str]:
            return {"Id": "c" * 64}

        def attach(self, *_arguments: Any, **_options: Any) -> Any:
            raise KeyboardInterrupt

        def remove_container(self, *_arguments: Any, **_options: Any) -> None:
            raise docker.errors.DockerException("engine is gone")

    with pytest.raises(KeyboardInterrupt):
        Engine(Client(), INFO, {}).run(*shell("i", "true", Path("/")))

    assert ["container cccccccccccc could not be removed: engine is gone"] == caplog.messages


def test_image_is_described() -> None:
    """By its ID, and by its digests in order."""
    expected = ImageInfo(id="sha256:1", repo_digests=("a@1", "b@2"))

    assert expected == Engine(FakeClient(), INFO, {}).image("there:1")


def test_absent_image_is_none() -> None:
    """Not to be there is an answer, not an error."""
    assert Engine(FakeClient(), INFO, {}).image("absent:1") is None


def test_engine_s_error_is_explained_without_credentials() -> None:
    """The SDK's error stays as the cause."""
    with pytest.raises(MissingToolError, match=r"cannot look up image 'broken:1': https://\*\*\*@index") as caught:
        Engine(FakeClient(), INFO, {}).image("broken:1")

    assert isinstance(caught.value.__cause__, docker.errors.DockerException)


def test_pull_reports_progress() -> None:
    """Without a tag, the tag is latest: the API would fetch every tag."""
    client = FakeClient({"id": "abc", "status": "Downloading", "progress": "[=>]"}, {"status": "Done"})
    lines: list[str] = []

    image = Engine(client, INFO, {}).pull("index.example:5000/tool", lines.append)

    assert [("index.example:5000/tool", "latest")] == client.asked
    assert ["abc Downloading [=>]", "Done"] == lines
    assert image.id == "sha256:1"


def test_refused_pull_is_explained() -> None:
    """The engine reports it inside a successful answer."""
    client = FakeClient({"error": "denied"})

    with pytest.raises(MissingToolError, match="cannot pull image 'tool:1': denied; check its name"):
        Engine(client, INFO, {}).pull("tool:1")


def shell(image: str, script: str, folder: Path, **changes: Any) -> tuple[str, Execution]:
    """Return a run of a shell script."""
    arguments: dict[str, Any] = {"argv": ("sh", "-c", script), "workdir": folder}
    return image, Execution(**arguments | changes)


def leftovers(engine: Engine) -> list[Any]:
    """Return the containers of envsnap's that exist."""
    found: list[Any] = engine._client.containers(all=True, filters={"label": RUN_LABEL})
    return found


@pytest.mark.docker
def test_container_runs_confined(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """Streams come apart, files are the caller's, HOME is writable, no capability, no network, no leftover."""
    lines: list[str] = []
    script = "touch made $HOME/x; echo $HOME; grep CapBnd /proc/self/status; ls /sys/class/net; echo oops >&2; exit 3"

    result = engine.run(*shell(python_image, script, tmp_path, on_output=lines.append))

    assert f"{HOME}\nCapBnd:\t0000000000000000\nlo\n" == result.stdout.decode()
    assert (3, b"oops\n", False) == (result.exit_code, result.stderr, result.timed_out)
    assert {HOME, "oops", "lo"} < set(lines)
    assert tmp_path.stat().st_uid == (tmp_path / "made").stat().st_uid


@pytest.mark.docker
def test_read_only_path_cannot_be_written(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """An input stays as it is, even inside the working folder."""
    (tmp_path / "data").mkdir()

    run = shell(python_image, "touch data/x", tmp_path, read_only=(tmp_path / "data",))

    assert b"Read-only" in engine.run(*run).stderr


@pytest.mark.docker
def test_container_over_its_time_is_ended(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """The output until then is kept."""
    started = time.monotonic()

    result = engine.run(*shell(python_image, "echo begun; exec sleep 60", tmp_path, timeout=0.5))

    assert (True, b"begun\n") == (result.timed_out, result.stdout)
    assert time.monotonic() - started < 20


@pytest.mark.docker
def test_container_that_hangs_says_what_it_waits_for(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """By the number that the process has inside; the engine's own init is passed over."""
    told: list[str] = []
    script = "import socket; server = socket.create_server(('127.0.0.1', 29500)); server.accept()"

    run = shell(python_image, f'python3 -c "{script}"; true', tmp_path, timeout=4, on_silence=told.append)
    engine.run(*run)

    assert re.search(r"computing: python3 -c .*… \(process \d\) waits for a connection to 127\.0\.0\.1:29500;", told[0])


@pytest.mark.docker
def test_limits_reach_the_processes(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """As the processes themselves see them; one that this engine may not give stops no job."""
    script = "ulimit -l; ulimit -S -n; ulimit -H -n; df -k --output=size /dev/shm | tail -1"
    low = shell(python_image, script, tmp_path, memlock_bytes=2**16, open_files=(1000, 2000), shm_bytes=128 * 2**20)
    high = shell(python_image, script, tmp_path, memlock_bytes=-1, shm_bytes=128 * 2**20)

    assert ["64", "1000", "2000", str(128 * 1024)] == engine.run(*low).stdout.decode().split()
    assert [0, str(128 * 1024)] == [(done := engine.run(*high)).exit_code, done.stdout.decode().split()[-1]]


@pytest.mark.docker
def test_interrupt_removes_the_container(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """A KeyboardInterrupt leaves nothing running."""
    before = leftovers(engine)

    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(*shell(python_image, "hostname; sleep 60", tmp_path, on_output=interrupt))

    assert {item["Id"] for item in leftovers(engine)} <= {item["Id"] for item in before}


@pytest.mark.docker
def test_missing_command_is_a_missing_tool(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """The engine's init starts, and cannot find the command: that is no result of the job."""
    run = shell(python_image, "", tmp_path, argv=("no-such-tool",))

    with pytest.raises(MissingToolError, match="'no-such-tool' is not there"):
        engine.run(*run)


@pytest.mark.docker
def test_missing_image_is_a_missing_tool(engine: Engine, tmp_path: Path) -> None:
    """The message says how to get it."""
    with pytest.raises(MissingToolError, match="build or pull the image first"):
        engine.run(*shell("envsnap-test/absent:1", "true", tmp_path))


@pytest.mark.docker
def test_container_of_a_killed_command_is_ended_first(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """An orphan in the same folder would write into the next run's outputs; one in another folder is left alone."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    left = {
        name: engine._client.create_container(python_image, "sleep 60", labels={RUN_LABEL: str(tmp_path / name)})["Id"]
        for name in ("here", "there")
    }
    engine._client.start(left["here"])

    engine.run(*shell(python_image, "true", tmp_path / "here"))

    remaining = {found["Id"] for found in leftovers(engine)}
    engine._client.remove_container(left["there"], force=True)
    assert left["here"] not in remaining
    assert left["there"] in remaining


def overlay_of(folder: Path) -> Overlay:
    """A folder to see, with nothing written yet, and what the command's own writes are to land in."""
    (folder / "project").mkdir()
    overlay = Overlay(folder / "project", folder / "written", folder / "work")
    overlay.make()
    return overlay


@pytest.mark.docker
def test_what_a_container_writes_lands_elsewhere(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """It sees the folder under its own path, and changes another; nothing of the engine's stays, nor a volume."""
    overlay = overlay_of(tmp_path)
    (overlay.lower / "kept").write_text("kept")
    before = engine._client.volumes()["Volumes"] or []

    run = shell(python_image, "cat kept; echo gone > kept; rm kept; pwd > made", overlay.lower, overlay=overlay)
    done = engine.run(*run)

    assert (0, b"kept") == (done.exit_code, done.stdout), done.stderr
    assert ["kept"] == [path.name for path in overlay.lower.iterdir()]
    assert f"{overlay.lower}\n" == (overlay.upper / "made").read_text()
    assert [] == [path for path in overlay.work.rglob("*") if not path.is_dir()]
    assert len(before) == len(engine._client.volumes()["Volumes"] or [])


@pytest.mark.docker
def test_the_kernels_folder_is_emptied_whatever_the_image_runs(
    engine: Engine, python_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image's own `true` may be anything: what it writes goes too."""
    overlay = overlay_of(tmp_path)
    (overlay.lower / "kept").touch()
    executed = engine._execute

    def hostile(image: str, execution: Execution) -> Completed:
        again = execution.argv == ("true",)
        return executed(image, replace(execution, argv=("touch", "left")) if again else execution)

    monkeypatch.setattr(engine, "_execute", hostile)
    engine.run(*shell(python_image, "rm kept", overlay.lower, overlay=overlay))

    assert [] == [path for path in overlay.work.rglob("*") if not path.is_dir()]
    assert ["project", "work", "written"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.docker
def test_an_overlay_that_the_engine_cannot_mount_is_refused(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """The upper folder is not there: the command is not run, and the engine is quoted."""
    (tmp_path / "project").mkdir()
    overlay = Overlay(tmp_path / "project", tmp_path / "none", tmp_path / "work")

    with pytest.raises(OverlayRefusedError, match="failed to mount local volume"):
        engine.run(*shell(python_image, "true", overlay.lower, overlay=overlay))


@pytest.mark.parametrize("info", [replace(INFO, podman=True, root="/var/lib"), replace(INFO, root="")])
def test_an_engine_that_gives_no_overlay_is_not_asked(info: EngineInfo, tmp_path: Path) -> None:
    """Podman takes the options of no volume; another machine's engine has not these folders."""
    overlay = overlay_of(tmp_path)

    with pytest.raises(OverlayRefusedError):
        Engine(FakeClient(), info, {}).run(*shell("i", "true", overlay.lower, overlay=overlay))


@pytest.mark.docker
def test_processes_and_memory_of_a_container_are_limited(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """A bomb of processes ends at the limit, and so does one that takes all memory."""
    bomb = "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done"
    hog = "python -c \"x = bytearray(200 << 20); print('held')\""

    forked = engine.run(*shell(python_image, bomb, tmp_path, processes=16))
    held = engine.run(*shell(python_image, hog, tmp_path, memory_bytes=64 << 20))

    assert b"Cannot fork" in forked.stderr
    assert (b"", True) == (held.stdout, held.out_of_memory)
