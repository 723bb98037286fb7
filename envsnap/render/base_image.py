"""Which base image fits a captured environment."""

import re
from collections.abc import Iterable

from envsnap.manifest.interpreter import Interpreter, Platform

SUITES = (("bullseye", (2, 31)), ("bookworm", (2, 36)), ("trixie", (2, 41)))
"""Debian's suites and the glibc of each, oldest first."""
MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")


def choose_base_image(interpreter: Interpreter, platform: Platform, tags: Iterable[str]) -> str:
    """Choose the official slim image of exactly this Python.

    The suite is the captured one where it is Debian's, else the oldest whose glibc is not older than the
    captured one and than what the installed wheels' manylinux tags ask for (PEP 600).
    """
    needed = max([_version(platform.libc_version), *(_manylinux(tag) for tag in tags)])
    own = [suite for suite, glibc in SUITES if suite in platform.distribution.split() and glibc >= needed]
    fitting = [suite for suite, glibc in SUITES if glibc >= needed]
    suite = next(iter((*own, *fitting)), SUITES[-1][0])
    return f"python:{interpreter.version}-slim-{suite}"


def _manylinux(tag: str) -> tuple[int, int]:
    matches = [(int(major), int(minor)) for major, minor in MANYLINUX.findall(tag)]
    return min(matches, default=(0, 0))


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)
