"""By which ways a container engine can give NVIDIA GPUs to a container."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
