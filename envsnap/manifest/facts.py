"""What capture finds out about an environment: values only, each as found."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model
from envsnap.manifest.observation import LoadedLibrary, NumpySettings, ThreadPool, TorchSettings

PythonVersion = Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+((a|b|rc)\d+)?$")]
Provenance = Literal["conda", "pyenv", "uv", "system", "local", "unknown"]


class Interpreter(Model, frozen=True):
    """The Python that runs the job; ``provenance`` tells where the base interpreter came from."""

    implementation: str
    version: PythonVersion
    build: str
    compiler: str
    soabi: str
    provenance: Provenance


class Platform(Model, frozen=True):
    """The operating system under the interpreter; ``distribution`` reads like ``debian 12 bookworm``."""

    system: str
    arch: str
    libc: str
    libc_version: str
    distribution: str
    kernel: str


class Cpu(Model, frozen=True):
    """``cores`` counts the logical processors this process may use; ``isa`` lists the vector extensions."""

    vendor: str
    model: str
    cores: int
    isa: tuple[str, ...] = ()


class Gpu(Model, frozen=True):
    """One GPU as NVML describes it. Its UUID and serial number are private and left out."""

    name: str
    compute_capability: str
    memory_mib: int
    mig_profile: str = ""
    ecc: bool | None = None


class Hardware(Model, frozen=True):
    """CPU and GPUs. No GPU is a fact, not an error."""

    cpu: Cpu
    gpus: tuple[Gpu, ...] = ()


class Accelerator(Model, frozen=True):
    """The CUDA versions that can disagree, and the accelerator libraries that the job really loaded.

    ``driver_cuda`` is the newest CUDA that the driver serves, ``toolkit`` is nvcc's, ``framework_cuda`` is the
    one that the framework was compiled for. Empty: not there.
    """

    driver: str = ""
    driver_cuda: str = ""
    toolkit: str = ""
    framework_cuda: str = ""
    libraries: tuple[LoadedLibrary, ...] = ()


class Numerics(Model, frozen=True):
    """What moves numbers beside code, data and packages: thread pools, variables, framework settings."""

    threads: int
    env: dict[str, str] = {}
    pools: tuple[ThreadPool, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    numpy: NumpySettings | None = None
    torch: TorchSettings | None = None


class SystemPackage(Model, frozen=True):
    """A package of the distribution that owns a library which the job loaded."""

    manager: Literal["dpkg", "rpm", "apk"]
    name: str
    version: str
    arch: str


class System(Model, frozen=True):
    """Packages of the distribution."""

    packages: tuple[SystemPackage, ...] = ()


class ChangedFile(Model, frozen=True):
    """A file that differs from the commit; ``sha256`` is empty for a deleted one."""

    path: str
    sha256: str


class Code(Model, frozen=True):
    """State of the working tree. ``patch`` is the SHA-256 of ``git diff --binary`` against the commit."""

    vcs: Literal["git"]
    commit: str
    branch: str = ""
    remote: str = ""
    dirty: bool = False
    patch: str = ""
    changed: tuple[ChangedFile, ...] = ()


class Datum(Model, frozen=True):
    """One input: a file, or a folder (``files`` > 0) whose digest is that of its listing."""

    path: str
    size: int
    sha256: str
    files: int = 0


class NotCaptured(Model, frozen=True):
    """A fact that could not be captured, and why."""

    what: str
    reason: str
