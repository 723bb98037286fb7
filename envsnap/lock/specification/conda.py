"""conda: the platform that a specification is solved for, the solved records, and the Python that they bring."""

import re
from collections.abc import Iterable, Mapping

from packaging.version import InvalidVersion, Version

from envsnap.errors import CaptureError, InvalidFileError
from envsnap.host.credentials import without_channel_token
from envsnap.host.index.conda_solver import CondaRecord
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import normalise_name

KERNEL = re.compile(r"\d+(\.\d+)*")
PYTHON_ABI = re.compile(r"_cp\d+(t?)\Z")
LEVELS = (
    ("x86_64_v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("x86_64_v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma"}),
    ("x86_64_v2", {"sse4_2", "ssse3"}),
)
"""The levels of the x86-64 psABI by features that /proc/cpuinfo names: https://gitlab.com/x86-psABIs/x86-64-ABI."""


def subdir_of(platform: Platform) -> str:
    """Return conda's name of a platform.

    Raises:
        CaptureError: conda has none.
    """
    if platform.system != "Linux" or not platform.conda_subdir:
        raise CaptureError(f"conda has no platform for {platform.system} on {platform.arch}")
    return platform.conda_subdir


def virtual_packages(
    platform: Platform, isa: Iterable[str], driver_cuda: str, env: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return version and build of the virtual packages.

    https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html; CONDA_OVERRIDE_CUDA and its
    like count as for conda itself: a machine that only locks has no GPU. An empty one takes the package away.
    """
    kernel = KERNEL.match(platform.kernel)
    found = {
        "__unix": "0",
        "__linux": kernel[0] if kernel else "0",
        "__glibc": platform.libc_version if platform.libc == "glibc" else "",
        "__cuda": driver_cuda,
    }
    overridden = {name: env.get(f"CONDA_OVERRIDE_{name[2:].upper()}", value) for name, value in found.items()}
    level = env.get("CONDA_OVERRIDE_ARCHSPEC") or _level(platform.arch, frozenset(isa))
    known = {name: (version, "0") for name, version in overridden.items() if version}
    return known | {"__archspec": ("1", level)}


def _level(arch: str, isa: frozenset[str]) -> str:
    return next((name for name, needed in LEVELS if arch == "x86_64" and needed <= isa), arch)


def conda_package(record: CondaRecord) -> CondaPackage:
    """Describe a record for the manifest, without logins and tokens.

    Raises:
        InvalidFileError: nothing pins it.
    """
    if not (record.sha256 or record.md5):
        raise InvalidFileError(f"conda package {record.name} {record.version}: its channel tells no hash of it")
    return CondaPackage(
        name=record.name,
        version=record.version,
        build=record.build,
        channel=without_channel_token(record.channel).rstrip("/"),
        subdir=record.subdir,
        url=without_channel_token(record.url),
        sha256=record.sha256,
        md5=record.md5,
        size=record.size,
    )


def brought_python(packages: Iterable[CondaPackage], captured: Interpreter, platform: Platform) -> Interpreter | None:
    """Describe the Python among solved records; None where there is none.

    The captured one stands where it is of the same version; of another one nothing but its record is known.

    Raises:
        CaptureError: its version is none.
    """
    record = next((package for package in packages if package.name == "python"), None)
    if record is None:
        return None
    if record.version == captured.version:
        return captured
    try:
        major, minor = Version(record.version).release[:2]
    except (InvalidVersion, ValueError) as error:
        raise CaptureError(f"conda's python has the version {record.version!r}, which is none") from error
    abi = PYTHON_ABI.search(record.build)
    threads = abi[1] if abi else ""
    libc = "gnu" if platform.libc == "glibc" else "musl"
    return Interpreter(
        implementation="pypy" if "pypy" in record.build else "cpython",
        version=record.version,
        build=record.build,
        compiler="",
        soabi=f"cpython-{major}{minor}{threads}-{platform.arch}-linux-{libc}",
        provenance="conda",
        environment="conda",
        free_threaded=bool(threads),
        gil_enabled=not threads,
    )


def python_constraints(records: Iterable[CondaRecord]) -> dict[str, str]:
    """Return by normalised name the version of every Python distribution that conda brings: pip leaves it as it is.

    A record that depends on Python counts, under its own name: channels name a package as its project is named, with
    few exceptions, and these pip would install once more.
    """
    found = {}
    for record in records:
        if any(depend.split(" ")[0] in {"python", "python_abi"} for depend in record.depends):
            try:
                found[normalise_name(record.name)] = str(Version(record.version))
            except InvalidVersion:
                continue
    return found
