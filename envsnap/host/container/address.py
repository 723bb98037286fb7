"""Where a container engine may listen on this machine: DOCKER_HOST, else the sockets of Docker and Podman."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = "unix:///var/run/docker.sock"


def engine_addresses(variables: Mapping[str, str]) -> list[str]:
    """Return where an engine may listen, likeliest first; DOCKER_HOST rules out every other place."""
    if variables.get("DOCKER_HOST"):
        return [variables["DOCKER_HOST"]]
    runtime = Path(variables.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    home = Path(variables.get("HOME", "/"))
    others = (runtime / "docker.sock", home / ".docker/run/docker.sock", runtime / "podman/podman.sock")
    addresses = (f"unix://{socket}" for socket in others)
    return [DEFAULT_SOCKET, *(address for address in addresses if not is_missing_socket(address))]


def is_missing_socket(address: str) -> bool:
    """Whether the address is a socket of this machine that is not there for this user.

    Path.exists would raise in another user's folder, which ``su`` leaves in XDG_RUNTIME_DIR.
    """
    return address.startswith("unix://") and not os.access(address.removeprefix("unix://"), os.F_OK)


def local_root(address: str, info: Mapping[str, Any]) -> str:
    """Return the folder in which an engine keeps its images, "" where that is not a folder of this machine.

    Args:
        address: where the engine listens.
        info: its answer to ``/info``; Docker Desktop's engine runs in a virtual machine of its own.
    """
    root = str(info.get("DockerRootDir") or "")
    here = address.startswith("unix://") and info.get("OperatingSystem") != "Docker Desktop"
    return root if here and root and os.access(root, os.F_OK) else ""
