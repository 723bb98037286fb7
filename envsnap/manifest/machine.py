"""What a machine has that a rebuild or a rerun can need, and what of a lock lies on it."""

from dataclasses import dataclass
from typing import Literal

from envsnap.manifest.hardware import Hardware
from envsnap.manifest.interpreter import Platform

BuilderName = Literal["buildx", "docker", "classic"]
Purpose = Literal["engine", "work", "cache"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerEngine:
    """The container engine that answers.

    Args:
        address: where it listens, without credentials.
        version: its own.
        api: version of its API.
        arch: the architecture that its containers run on, as ``uname -m`` spells it.
        podman: whether it is Podman.
        rootless: whether it runs without root.
        local: whether it runs on this machine's own files, so that this machine's disk and GPU tools are its own.
        builder: what builds images: BuildKit through the plugin buildx, BuildKit in the client, or the classic builder.
        gpu_support: by which ways it can give NVIDIA GPUs to containers, for example ``runtime nvidia``.
    """

    address: str
    version: str
    api: str = ""
    arch: str = ""
    podman: bool = False
    rootless: bool = False
    local: bool = True
    builder: BuilderName = "docker"
    gpu_support: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DiskSpace:
    """Free space at one place.

    Args:
        purpose: what goes there: the engine's images, the project's work folder, uv's cache.
        path: the place.
        device: number of the file system; places on one share the space.
        free: bytes that this user may still write.
    """

    purpose: Purpose
    path: str
    device: int
    free: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What this machine has.

    Args:
        platform: operating system and C library.
        hardware: CPU and GPUs.
        driver: version of the GPU driver; empty without one.
        gpu_problem: why the GPUs cannot be told; empty where they can.
        engine: the container engine that answers, or None.
        engine_problem: why none does.
        uv: version of the uv that came with envsnap; empty where it is missing.
        git: path of git; empty where it is missing.
        rooms: free space where rebuilding writes.
    """

    platform: Platform
    hardware: Hardware
    driver: str = ""
    gpu_problem: str = ""
    engine: ContainerEngine | None = None
    engine_problem: str = ""
    uv: str = ""
    git: str = ""
    rooms: tuple[DiskSpace, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFile:
    """A file or folder that the lock names.

    Args:
        path: as the lock spells it.
        size: in bytes, of a folder None.
        there: whether it is there.
        expected: the size that the lock records; None where it records none.
    """

    path: str
    there: bool
    size: int | None = None
    expected: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What of a lock lies on this machine.

    Args:
        interpreter: a Python of exactly the locked version; empty where none is installed.
        base_image: whether the engine holds the base image.
        rebuilt: what was built from this lock already; empty where nothing was.
        wheels: wheels that no index serves.
        inputs: the job's inputs.
        baseline: the recorded outputs.
        unset: variables that the job wants handed through and that are not set.
        changed: files of the specification that are gone, or not as they were locked.
        unreachable: hosts that serve packages and did not answer, each with the reason; None where nobody asked.
    """

    interpreter: str = ""
    base_image: bool = False
    rebuilt: str = ""
    wheels: tuple[FoundFile, ...] = ()
    inputs: tuple[FoundFile, ...] = ()
    baseline: tuple[FoundFile, ...] = ()
    unset: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unreachable: tuple[str, ...] | None = None
