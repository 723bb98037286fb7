"""What an engine tells of itself and of an image, as values. Pure, but for a look whether its folders are here."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envsnap.host.container.address import local_root


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


def describe_engine(address: str, version: Mapping[str, Any], info: Mapping[str, Any]) -> EngineInfo:
    """Return the traits that an engine's answers to ``/version`` and ``/info`` tell."""
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


def describe_image(found: Mapping[str, Any]) -> ImageInfo:
    """Return the image that the engine's answer describes."""
    return ImageInfo(id=found["Id"], repo_digests=tuple(sorted(found.get("RepoDigests") or ())))


HOOK = "nvidia-container-runtime-hook"
"""Docker serves ``--gpus`` where it finds this program on its PATH: https://github.com/moby/moby (daemon/nvidia)."""

PROGRAMS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
"""Where Container Device Interface specifications lie: https://github.com/cncf-tags/container-device-interface"""


def gpu_support(
    info: Mapping[str, Any], *, local: bool, programs: Iterable[str] = PROGRAMS, folders: Iterable[str] = CDI_FOLDERS
) -> tuple[str, ...]:
    """Return the ways found, each in two or three words.

    Args:
        info: the engine's answer to ``/info``.
        local: whether the engine runs on this machine's files.
        programs: folders of programs that a local engine has on its PATH.
        folders: folders of CDI specifications, beside those that the engine names.
    """
    runtimes = sorted(name for name in info.get("Runtimes") or {} if "nvidia" in name)
    devices = [str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()]
    found = [f"runtime {name}" for name in runtimes]
    if local:
        found += [f"{HOOK}"] if any(os.access(Path(folder) / HOOK, os.X_OK) for folder in programs) else []
        specs = [spec for folder in (*(info.get("CDISpecDirs") or ()), *folders) for spec in _specs(Path(folder))]
        devices += ["nvidia.com/gpu"] if any("nvidia" in name for name in specs) else []
    return (*found, *(["CDI nvidia.com/gpu"] if any(name.startswith("nvidia.com/gpu") for name in devices) else []))


def _specs(folder: Path) -> list[str]:
    try:
        return sorted(spec.name for spec in folder.iterdir())
    except OSError:
        return []
