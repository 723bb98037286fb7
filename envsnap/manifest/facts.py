"""What capture finds out about an environment: values only, each as found."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.library import AcceleratorLibrary
from envsnap.manifest.model import Model
from envsnap.manifest.observation import LoadedLibrary, NumpySettings, ThreadPool, TorchSettings

PythonVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?\Z")]
Provenance = Literal["conda", "pyenv", "uv", "system", "local", "unknown"]


class Interpreter(Model, frozen=True):
    """The Python that runs the job.

    Args:
        implementation: as ``sys.implementation.name`` says.
        version: three numbers, with ``a``, ``b`` or ``rc`` for a pre-release.
        build: the builder's label and date.
        compiler: what compiled it.
        soabi: which extension modules it loads, for example ``cpython-311-x86_64-linux-gnu``.
        provenance: where the base interpreter, under any virtual environment, came from.
    """

    implementation: str
    version: PythonVersion
    build: str
    compiler: str
    soabi: str
    provenance: Provenance


class Platform(Model, frozen=True):
    """The operating system under the interpreter.

    Args:
        system: for example ``Linux``.
        arch: the machine's architecture, for example ``x86_64``.
        libc: ``glibc``, or empty where another one serves.
        libc_version: of the C library.
        distribution: name, version and code name, for example ``debian 12 bookworm``.
        kernel: release of the running kernel; a container has its host's.
    """

    system: str
    arch: str
    libc: str
    libc_version: str
    distribution: str
    kernel: str


class Cpu(Model, frozen=True):
    """The processor.

    Args:
        vendor: as the processor names itself, for example ``GenuineIntel``.
        model: its marketing name.
        cores: how many logical processors this process may use.
        isa: vector extensions: they choose the kernels of BLAS and the frameworks.
    """

    vendor: str
    model: str
    cores: int
    isa: tuple[str, ...] = ()


class Gpu(Model, frozen=True):
    """One GPU as NVML describes it. Its UUID and serial number are private and left out.

    Args:
        name: the product's name.
        compute_capability: for example ``9.0``.
        memory_mib: its memory in MiB.
        mig_profile: the slice of it that was in use, for example ``1g.10gb``; empty for a whole one.
        ecc: whether error correction is on; absent where it has none.
    """

    name: str
    compute_capability: str
    memory_mib: int
    mig_profile: str = ""
    ecc: bool | None = None


class Hardware(Model, frozen=True):
    """CPU and GPUs.

    Args:
        cpu: the processor.
        gpus: those that were visible; none is a fact, not an error.
    """

    cpu: Cpu
    gpus: tuple[Gpu, ...] = ()


class Accelerator(Model, frozen=True):
    """The CUDA versions that can disagree, and the libraries: loaded ones and others. Empty: not there.

    Args:
        driver: version of the GPU driver.
        driver_cuda: the newest CUDA that the driver serves.
        toolkit: the CUDA of the ``nvcc`` that was found.
        framework_cuda: the CUDA that the framework was compiled for.
        libraries: CUDA, cuDNN, cuBLAS and NCCL libraries; several can stand side by side, ``loaded`` ones count.
    """

    driver: str = ""
    driver_cuda: str = ""
    toolkit: str = ""
    framework_cuda: str = ""
    libraries: tuple[AcceleratorLibrary, ...] = ()


class Numerics(Model, frozen=True):
    """What moves numbers beside code, data and packages.

    Args:
        threads: size of the thread pools that the job was given.
        env: environment variables that move numbers, as set inside the job.
        pools: pools of native threads.
        libraries: other libraries that the job loaded: BLAS, OpenMP, C runtime, frameworks.
        numpy: absent where the job did not import numpy.
        torch: absent where the job did not import torch.
    """

    threads: int
    env: dict[str, str] = {}
    pools: tuple[ThreadPool, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    numpy: NumpySettings | None = None
    torch: TorchSettings | None = None


class SystemPackage(Model, frozen=True):
    """A package of the distribution that owns a library which the job loaded.

    Args:
        manager: which package manager knows it.
        name: as the manager spells it.
        version: with the distribution's revision.
        arch: architecture it was built for.
    """

    manager: Literal["dpkg", "rpm", "apk"]
    name: str
    version: str
    arch: str


class System(Model, frozen=True):
    """What the distribution brought.

    Args:
        packages: those that own libraries which the job loaded.
    """

    packages: tuple[SystemPackage, ...] = ()


class ChangedFile(Model, frozen=True):
    """A file that differs from the commit.

    Args:
        path: in the working tree.
        sha256: of its contents; empty for a file that is deleted, unreadable, or too large to hash.
    """

    path: str
    sha256: str


class Code(Model, frozen=True):
    """State of the working tree.

    Args:
        vcs: the version control system.
        commit: the commit that was checked out.
        branch: empty for a detached commit.
        remote: where the repository comes from, without credentials.
        dirty: whether the tree differed from the commit.
        patch: SHA-256 of ``git diff --binary`` against the commit; empty where nothing differs.
        changed: the files that differ.
    """

    vcs: Literal["git"]
    commit: str
    branch: str = ""
    remote: str = ""
    dirty: bool = False
    patch: str = ""
    changed: tuple[ChangedFile, ...] = ()


class Datum(Model, frozen=True):
    """One input of the job.

    Args:
        path: relative to the project, or absolute.
        size: in bytes; of a folder, the sum of its files.
        sha256: of the file, or of a folder's listing.
        files: how many files a folder holds; 0 for a file.
    """

    path: str
    size: int
    sha256: str
    files: int = 0


class NotCaptured(Model, frozen=True):
    """A fact that could not be captured.

    Args:
        what: the fact.
        reason: why.
    """

    what: str
    reason: str
