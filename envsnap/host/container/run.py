"""What one command in one container means in the arguments of the engine's API. Pure."""

from pathlib import Path
from typing import Any

from envsnap.errors import UsageError
from envsnap.host.execution import Execution

RUN_LABEL = "dev.envsnap.run"
"""Stands on every container of envsnap's, with the folder that it works in:
``docker ps -a --filter label=dev.envsnap.run`` lists them."""

HOME = "/tmp/envsnap-home"  # noqa: S108  a path inside the container, whose /tmp belongs to one run
"""Inside every container: a writable home for a user that the image may not know."""

HOST = "envsnap"
"""Every container's own name: the same in each run, and one that resolves. Without a network the engine's would resolve
to nothing, and torch's rendezvous, gloo and MPI wait for ever for the machine that they run on."""

NR_OPEN = 2**20
"""The kernel's default of /proc/sys/fs/nr_open: https://www.kernel.org/doc/html/latest/admin-guide/sysctl/fs.html"""

_HIDDEN = "rw,noexec,nosuid,nodev,size=1m,mode=755"
"""In the place of a folder that the command must not see; what must be seen in it is mounted over that."""

_SCRATCH = "rw,exec,nosuid,nodev,mode=1777"
"""Triton and torch.compile load the libraries that they write below /tmp, where noexec is the default."""


def create_arguments(image: str, execution: Execution, *, user: str) -> dict[str, Any]:
    """Return what describes the container itself.

    The command's first word takes the entrypoint's place: the image's own would run in front of it. The variables come
    on top of the image's.
    """
    return {
        "image": image,
        "hostname": HOST,
        "entrypoint": [execution.argv[0]],
        "command": list(execution.argv[1:]),
        "user": user,
        "environment": _variables(execution),
        "working_dir": str(execution.workdir),
        "labels": {RUN_LABEL: str(execution.workdir)},
    }


def host_arguments(
    execution: Execution, *, selinux: bool, rootless: bool = False, nr_open: int = NR_OPEN
) -> dict[str, Any]:
    """Return what the container gets of this machine: nothing but the named mounts, network and GPUs.

    Args:
        execution: what is to run.
        selinux: whether mounts must be exempted from SELinux labels.
        rootless: whether the engine runs without root: it can give no process more than it has itself.
        nr_open: how many files the kernel lets any process open.

    Raises:
        UsageError: a path to mount is not there.
    """
    asked = _gpu_count(execution.gpus)
    return {
        "init": True,
        "mounts": _mounts(execution, rootless=rootless),
        "tmpfs": {"/tmp": _SCRATCH, HOME: _SCRATCH}  # noqa: S108  a path inside the container
        | {str(folder): _HIDDEN for folder in execution.hidden},
        "network_mode": None if execution.network else "none",
        # With a network the engine itself enters the name, at the container's address there.
        "extra_hosts": None if execution.network else {HOST: "127.0.0.1"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *(["label=disable"] if selinux else [])],
        "shm_size": execution.shm_bytes,
        "ulimits": None if rootless else _ulimits(execution, nr_open),
        "mem_limit": execution.memory_bytes,
        "memswap_limit": execution.memory_bytes,  # both alike: no more by swapping
        "pids_limit": execution.processes,
        "device_requests": [{"count": asked, "capabilities": [["gpu"]]}] if asked else None,
        # The output is read live; nothing of it needs to stay on the engine's disk.
        "log_config": {"type": "none"},
    }


def _ulimits(execution: Execution, nr_open: int) -> list[dict[str, Any]] | None:
    """Return the limits on each process; the kernel refuses one on files above its own: man 2 getrlimit."""
    found: list[dict[str, Any]] = []
    if execution.memlock_bytes is not None:
        found.append({"name": "memlock", "soft": execution.memlock_bytes, "hard": execution.memlock_bytes})
    if execution.open_files is not None:
        soft, hard = (nr_open if limit < 0 else min(limit, nr_open) for limit in execution.open_files)
        found.append({"name": "nofile", "soft": soft, "hard": max(soft, hard)})
    return found or None


def _variables(execution: Execution) -> dict[str, str]:
    own = {"HOME": HOME, "TMPDIR": "/tmp"}  # noqa: S108  a path inside the container
    if not _gpu_count(execution.gpus):
        # "void" keeps the NVIDIA runtime from adding GPUs where it is the engine's default:
        # https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
        own |= {"NVIDIA_VISIBLE_DEVICES": "void", "CUDA_VISIBLE_DEVICES": ""}
    return own | dict(execution.env)


def _gpu_count(gpus: str | int) -> int:
    """Return the engine's number for ``gpus``: -1 is all of them."""
    if gpus == "all":
        return -1
    return 0 if gpus == "none" else int(gpus)


def _mounts(execution: Execution, *, rootless: bool) -> list[dict[str, Any]]:
    """Return one mount a path, parents first; a path that is asked for twice is writable."""
    writable = dict.fromkeys((execution.workdir, *execution.writable), False)
    paths = dict.fromkeys(execution.read_only, True) | writable
    for path in paths:
        if not (path.is_absolute() and path.exists()):
            raise UsageError(f"cannot mount {path} into a container: it is not there, or not absolute")
    mounts = {
        path: {"Type": "bind", "Source": str(path), "Target": str(path), "ReadOnly": is_read_only}
        for path, is_read_only in sorted(paths.items())
    }
    if execution.overlay is not None:
        mounts[execution.workdir] = _volume(execution.workdir, execution.overlay.options(rootless=rootless))
    return list(mounts.values())


def _volume(target: Path, options: str) -> dict[str, Any]:
    """Return a volume without a name, which goes with its container, and which the engine mounts as it is told.

    https://docs.docker.com/reference/cli/docker/volume/create/#opt
    """
    driver = {"Name": "local", "Options": {"type": "overlay", "device": "overlay", "o": options}}
    return {"Type": "volume", "Target": str(target), "VolumeOptions": {"NoCopy": True, "DriverConfig": driver}}
