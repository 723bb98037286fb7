"""The Python that runs the job, and the operating system under it."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

PythonVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?\Z")]
Provenance = Literal["conda", "pyenv", "uv", "system", "local", "image", "unknown"]
EnvironmentKind = Literal["venv", "virtualenv", "uv", "conda", "none", "unknown"]
CONDA_SUBDIRS = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Linux", "ppc64le"): "linux-ppc64le",
    ("Linux", "s390x"): "linux-s390x",
    ("Darwin", "x86_64"): "osx-64",
    ("Darwin", "arm64"): "osx-arm64",
    ("Windows", "AMD64"): "win-64",
}
"""https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/channels.html"""


class BuildDetails(Model, frozen=True):
    """What build-details.json (PEP 739) says of the build, without its paths.

    Args:
        schema_version: of that file.
        platform: as ``sysconfig.get_platform()`` says.
        abi_flags: letters of the ABI, for example ``t`` for a free-threaded build.
        extension_suffix: of extension modules for this very interpreter.
        stable_abi_suffix: of those for the stable ABI.
        extensions: every suffix under which an extension module is found, in that order.
    """

    schema_version: str = ""
    platform: str = ""
    abi_flags: tuple[str, ...] = ()
    extension_suffix: str = ""
    stable_abi_suffix: str = ""
    extensions: tuple[str, ...] = ()


class Interpreter(Model, frozen=True):
    """The Python that runs the job.

    Args:
        implementation: as ``sys.implementation.name`` says.
        version: three numbers, with ``a``, ``b`` or ``rc`` for a pre-release.
        build: the builder's label and date.
        compiler: what compiled it.
        soabi: which extension modules it loads, for example ``cpython-311-x86_64-linux-gnu``.
        provenance: where the base interpreter, under any virtual environment, came from: ``uv`` is any build of
            python-build-standalone, ``image`` the one in /usr/local of a container, ``local`` that of another machine.
        environment: which tool made the environment that it stands in; ``none`` where it is the base itself.
        system_site_packages: whether a virtual environment shows the base's packages too.
        debug: whether it was built with ``--with-pydebug``.
        free_threaded: whether it was built to run without the global interpreter lock.
        gil_enabled: whether that lock was on when it was probed; PYTHON_GIL and old extension modules turn it on.
        optimizations: which of ``bolt``, ``jit``, ``lto`` and ``pgo`` sysconfig tells of; a packager may not say so.
        shared_library: whether its code lies in a libpython, not in the executable.
        build_details: of Python 3.14 and newer, where the file is installed.
    """

    implementation: str
    version: PythonVersion
    build: str
    compiler: str
    soabi: str
    provenance: Provenance
    environment: EnvironmentKind = "unknown"
    system_site_packages: bool = False
    debug: bool = False
    free_threaded: bool = False
    gil_enabled: bool = True
    optimizations: tuple[str, ...] = ()
    shared_library: bool | None = None
    build_details: BuildDetails | None = None


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

    @property
    def conda_subdir(self) -> str:
        """Conda's word for it; "" where conda has none."""
        return CONDA_SUBDIRS.get((self.system, self.arch), "")
