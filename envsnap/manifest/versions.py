"""Versions as numbers that compare, and the glibc that a wheel's tags ask for. Pure."""

import re
from collections.abc import Iterable

_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")
_LEGACY_MANYLINUX = {"manylinux1_": (2, 5), "manylinux2010_": (2, 12), "manylinux2014_": (2, 17)}
"""PEP 600 gives the glibc that each older tag stands for: https://peps.python.org/pep-0600/#legacy-manylinux-tags"""


def parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers that a version starts with; empty where it starts with none."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def oldest_glibc(tags: Iterable[str]) -> tuple[int, int]:
    """Return the oldest glibc that serves one wheel: any of its tags will do; (0, 0) where none asks for one."""
    served = [(int(major), int(minor)) for tag in tags for major, minor in _MANYLINUX.findall(tag)]
    served += [glibc for tag in tags for name, glibc in _LEGACY_MANYLINUX.items() if name in tag]
    return min(served, default=(0, 0))
