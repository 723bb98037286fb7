"""What can be asked over a network about releases: the indexes' pages, and uv or pip-tools for a whole list."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from envsnap.errors import UnsatisfiableError
from envsnap.host.index.file import Release
from envsnap.host.index.uv import TargetPython
from envsnap.lock.indexes import Indexes
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.package import normalise_name

MANYLINUX = (17, 28, *range(31, 41))
"""The glibc 2.x that uv has a platform for: https://docs.astral.sh/uv/reference/cli/#uv-pip-compile--python-platform"""


class Locker(Protocol):
    """Whoever resolves pinned requirements to files: uv, or pip-tools."""

    def lock(self, requirements: Sequence[str], *, python: Path | TargetPython, folder: Path) -> tuple[Release, ...]:
        """Resolve all, or raise UnsatisfiableError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolver:
    """Finds the files that the indexes serve for installed distributions.

    Args:
        indexes: the indexes' own pages, and the wheels there.
        locker: asked where the pages do not settle what is served.
        python: the captured interpreter, or what stands for one that is not on this machine.
        scratch: an existing folder for the locker's files.
        pages_first: whether the pages are read before the locker is asked.
    """

    indexes: Indexes
    locker: Locker
    python: Path | TargetPython
    scratch: Path
    pages_first: bool = True

    def resolve(self, installed: Sequence[InstalledPackage]) -> Mapping[str, Release | UnsatisfiableError]:
        """Ask the locker for every package at its exact version.

        One package that no index has makes uv refuse the whole list. Its reason names one such package, and the rest
        is asked for again. Where it names none or several, the list is split in halves: ``k`` refused ones cost about
        ``2 k log2(n / k)`` questions, answered from uv's cache.

        Returns:
            By normalised name: what the indexes serve, or why they serve nothing.

        Raises:
            CaptureError: the indexes could not be asked.
        """
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="lock-") as folder:
            return dict(self._resolve(installed, Path(folder)))

    def _resolve(
        self, installed: Sequence[InstalledPackage], folder: Path
    ) -> Iterator[tuple[str, Release | UnsatisfiableError]]:
        if not installed:
            return
        try:
            answer = self.locker.lock([package.label for package in installed], python=self.python, folder=folder)
        except UnsatisfiableError as refusal:
            named = _named(installed, str(refusal))
            if len(named) == 1:
                yield named[0].name, refusal
            for part in _parts(installed, named):
                yield from self._resolve(part, folder)
        else:
            yield from ((normalise_name(release.name), release) for release in answer)


def target_python(interpreter: Interpreter, platform: Platform) -> TargetPython:
    """Describe an interpreter that is not on this machine: the newest platform that its C library serves."""
    major, _, minor = platform.libc_version.partition(".")
    served = [number for number in MANYLINUX if minor.isdecimal() and number <= int(minor)]
    if platform.libc == "glibc" and major == "2" and served and platform.arch in {"x86_64", "aarch64"}:
        return TargetPython(interpreter.version, f"{platform.arch}-manylinux_2_{served[-1]}")
    libc = "gnu" if platform.libc == "glibc" else "musl"
    return TargetPython(interpreter.version, f"{platform.arch}-unknown-linux-{libc}")


def _named(installed: Sequence[InstalledPackage], reason: str) -> Sequence[InstalledPackage]:
    """Return the packages that a refusal names; of a list of one it can mean no other."""
    if len(installed) == 1:
        return installed
    words = frozenset(word.strip(",.;:`'\"()") for word in reason.split())
    return [package for package in installed if package.label in words]


def _parts(
    installed: Sequence[InstalledPackage], refused: Sequence[InstalledPackage]
) -> Iterator[Sequence[InstalledPackage]]:
    """Give the lists to ask next: without the one that was refused, or two halves where several may have been."""
    if len(refused) == 1:
        yield [package for package in installed if package is not refused[0]]
    else:
        yield from (installed[: len(installed) // 2], installed[len(installed) // 2 :])
