"""Which base image fits a captured environment."""

from collections.abc import Iterable

from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.versions import oldest_glibc, parse_version

SUITES = (("bullseye", (2, 31)), ("bookworm", (2, 36)), ("trixie", (2, 41)))
"""Debian's suites and the glibc of each, oldest first."""


def choose_base_image(interpreter: Interpreter, platform: Platform, tags: Iterable[str]) -> str:
    """Choose the official slim image of exactly this Python.

    The suite is the captured one where it is Debian's, else the oldest whose glibc is not older than the
    captured one and than what the installed wheels' manylinux tags ask for (PEP 600).
    """
    needed = max(parse_version(platform.libc_version)[:2], *(oldest_glibc([tag]) for tag in tags), (0, 0))
    own = [suite for suite, glibc in SUITES if suite in platform.distribution.split() and glibc >= needed]
    fitting = [suite for suite, glibc in SUITES if glibc >= needed]
    suite = next(iter((*own, *fitting)), SUITES[-1][0])
    return f"python:{interpreter.version}-slim-{suite}"
