"""The interpreter that a specification is resolved for: its markers, and the wheel tags that it accepts, best first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from envsnap.host.index.uv import TargetPython
from envsnap.inside.observer._envsnap.placeholders import PREFIX
from envsnap.manifest.interpreter import Interpreter, Platform

IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}
LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""The older names of manylinux_2_17, 2_12 and 2_5: https://peps.python.org/pep-0600/#legacy-manylinux-tags"""
OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
"""Of glibc 2.x; manylinux2014 is the first one for every other architecture."""
MUSL_NEWEST = 2
"""musllinux_1_1 and 1_2; the probe does not tell musl's version, and wheels are built for no other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What decides which requirements apply, and which wheels fit.

    Markers and tags are derived from what the probe found, so that an interpreter in an image needs no second run.

    Args:
        python: the interpreter for uv: the executable, or what stands for one that is not on this machine.
        interpreter: what the probe found of it.
        platform: under it.
    """

    python: Path | TargetPython
    interpreter: Interpreter
    platform: Platform

    @property
    def environment(self) -> Environment:
        """The values of markers.

        https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
        """
        name, version = self.interpreter.implementation, self.interpreter.version
        return Environment(
            implementation_name=name,
            implementation_version=version,
            os_name="posix",
            platform_machine=self.platform.arch,
            platform_python_implementation=IMPLEMENTATIONS.get(name, name),
            platform_release=self.platform.kernel,
            platform_system=self.platform.system,
            platform_version="",
            python_full_version=version,
            python_version=_minor(version),
            sys_platform=self.platform.system.lower(),
        )

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of the wheels that it accepts, the best one first."""
        return tuple(_tags(self.interpreter, self.platform))

    @property
    def location(self) -> str:
        """Where packages lie, as the manifest spells it."""
        threads = "t" if self.interpreter.free_threaded else ""
        return f"{PREFIX}/lib/python{_minor(self.interpreter.version)}{threads}/site-packages"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _tags(interpreter: Interpreter, platform: Platform) -> Iterator[Tag]:
    major, minor = map(int, _minor(interpreter.version).split("."))
    platforms = list(_platforms(platform))
    if interpreter.implementation == "cpython":
        letters = ("d" if interpreter.debug else "") + ("t" if interpreter.free_threaded else "")
        short = f"cp{major}{minor}"
        yield from cpython_tags((major, minor), [f"{short}{letters}"], platforms)
        yield from compatible_tags((major, minor), short, platforms)
        return
    # SOABI is pypy310-pp73-x86_64-linux-gnu: the interpreter's tag is its short name with the version of Python
    short = {"pypy": "pp"}.get(interpreter.implementation, interpreter.implementation) + f"{major}{minor}"
    abi = re.sub(r"-(x86_64|aarch64|i686)?-?linux.*", "", interpreter.soabi).replace("-", "_").replace(".", "_")
    yield from generic_tags(short, [abi], platforms)
    yield from compatible_tags((major, minor), short, platforms)


def _platforms(platform: Platform) -> Iterator[str]:
    arch = platform.arch
    yield f"linux_{arch}"
    major, _, minor = platform.libc_version.partition(".")
    if platform.libc == "glibc" and major == "2" and minor.isdecimal():
        for number in range(int(minor), OLDEST_GLIBC.get(arch, 17) - 1, -1):
            yield f"manylinux_2_{number}_{arch}"
            if number in LEGACY_MANYLINUX:
                yield f"{LEGACY_MANYLINUX[number]}_{arch}"
    elif platform.libc != "glibc":
        yield from (f"musllinux_1_{number}_{arch}" for number in range(MUSL_NEWEST, 0, -1))
