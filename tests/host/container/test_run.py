"""What a container is asked for: nothing of this machine beyond what the run names."""

from pathlib import Path
from typing import Any

import pytest

from envsnap.errors import UsageError
from envsnap.host.container.run import HOME, HOST, RUN_LABEL, create_arguments, host_arguments
from envsnap.host.execution import Execution


def a_run(folder: Path, **changes: Any) -> Execution:
    """Return a run of ``python job.py`` in ``folder``."""
    arguments: dict[str, Any] = {"argv": ("python", "job.py"), "workdir": folder}
    return Execution(**arguments | changes)


def test_image_s_entrypoint_is_replaced(tmp_path: Path) -> None:
    """The command's first word is the entrypoint: an empty one would mean the image's own."""
    arguments = create_arguments("i", a_run(tmp_path), user="1000:1000")

    assert (["python"], ["job.py"]) == (arguments["entrypoint"], arguments["command"])
    assert ("1000:1000", str(tmp_path)) == (arguments["user"], arguments["working_dir"])
    assert {RUN_LABEL: str(tmp_path)} == arguments["labels"]


def test_name_resolves_without_a_network(tmp_path: Path) -> None:
    """The engine enters the name itself where there is a network, and nowhere else."""
    alone, networked = (host_arguments(a_run(tmp_path, network=network), selinux=False) for network in (False, True))

    assert create_arguments("i", a_run(tmp_path), user="0:0")["hostname"] == HOST
    assert ({HOST: "127.0.0.1"}, None) == (alone["extra_hosts"], networked["extra_hosts"])


def test_only_declared_variables_are_set(tmp_path: Path) -> None:
    """HOME is writable, and GPUs stay hidden unless asked for."""
    arguments = create_arguments("i", a_run(tmp_path, env={"A": "1"}), user="0:0")

    expected = {
        "A": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": HOME,
        "NVIDIA_VISIBLE_DEVICES": "void",
        "TMPDIR": "/tmp",
    }
    assert expected == arguments["environment"]


def test_container_is_confined_by_default(tmp_path: Path) -> None:
    """No network, no capability, no new privileges, no GPU, no log on disk."""
    arguments = host_arguments(a_run(tmp_path), selinux=False)

    assert arguments["network_mode"] == "none"
    assert ["ALL"] == arguments["cap_drop"]
    assert ["no-new-privileges"] == arguments["security_opt"]
    assert arguments["device_requests"] is None
    assert {"type": "none"} == arguments["log_config"]


def test_what_is_asked_for_is_given(tmp_path: Path) -> None:
    """Network, memory, processes and SELinux exemption follow the run and the engine."""
    run = a_run(tmp_path, network=True, shm_bytes=123, memory_bytes=456, processes=7)
    arguments = host_arguments(run, selinux=True)

    assert (None, 123) == (arguments["network_mode"], arguments["shm_size"])
    assert (456, 456, 7) == tuple(arguments[name] for name in ("mem_limit", "memswap_limit", "pids_limit"))
    assert ["no-new-privileges", "label=disable"] == arguments["security_opt"]


def test_limits_are_those_of_the_freeze_as_far_as_the_kernel_goes(tmp_path: Path) -> None:
    """Without a limit on files the kernel's own is asked for: it refuses a higher one, and so "no limit"."""
    run = a_run(tmp_path, memlock_bytes=-1, open_files=(1024, -1))

    assert [
        {"name": "memlock", "soft": -1, "hard": -1},
        {"name": "nofile", "soft": 1024, "hard": 4096},
    ] == host_arguments(run, selinux=False, nr_open=4096)["ulimits"]
    assert {"name": "nofile", "soft": 512, "hard": 512} == host_arguments(run, selinux=False, nr_open=512)["ulimits"][1]
    assert host_arguments(run, selinux=False, rootless=True)["ulimits"] is None
    assert host_arguments(a_run(tmp_path), selinux=False)["ulimits"] is None


@pytest.mark.parametrize(("gpus", "count"), [("all", -1), (2, 2)])
def test_gpus_are_requested(tmp_path: Path, gpus: str | int, count: int) -> None:
    """The engine's -1 is all; the variables that hide GPUs are not set."""
    run = a_run(tmp_path, gpus=gpus)

    assert [{"count": count, "capabilities": [["gpu"]]}] == host_arguments(run, selinux=False)["device_requests"]
    assert "CUDA_VISIBLE_DEVICES" not in create_arguments("i", run, user="0:0")["environment"]


@pytest.mark.parametrize("gpus", ["none", 0])
def test_no_gpu_is_no_request(tmp_path: Path, gpus: str | int) -> None:
    """A request for zero GPUs would still need the NVIDIA runtime."""
    assert host_arguments(a_run(tmp_path, gpus=gpus), selinux=False)["device_requests"] is None


def test_paths_are_mounted_in_place(tmp_path: Path) -> None:
    """Parents come first, and a path that is asked for twice is writable."""
    data = tmp_path / "data"
    data.mkdir()
    run = a_run(tmp_path, read_only=(data, tmp_path))

    mounts = host_arguments(run, selinux=False)["mounts"]

    expected = [(str(tmp_path), str(tmp_path), False), (str(data), str(data), True)]
    assert expected == [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in mounts]


def test_missing_path_is_named(tmp_path: Path) -> None:
    """The engine would make an empty folder in its place."""
    with pytest.raises(UsageError, match="nowhere"):
        host_arguments(a_run(tmp_path, read_only=(tmp_path / "nowhere",)), selinux=False)
