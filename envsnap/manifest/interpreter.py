"""The Python that runs the job, and the operating system under it."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

PythonVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?\Z")]
Provenance = Literal["conda", "pyenv", "uv", "system", "local", "image", "unknown"]


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
