"""Describes the running interpreter and the operating system under it."""

from __future__ import annotations

import os
import re
import sys
import sysconfig

from .build import build
from .files import read

SYS_VERSION = re.compile(r"^[^(]*\((?P<build>[^)]*)\)\s*\[(?P<compiler>.*)\]")


def interpreter() -> dict[str, object]:
    """Describe the running interpreter.

    ``sys.version`` reads ``3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]``; conda-forge puts
    ``| packaged by conda-forge |`` before the parenthesis.
    """
    match = SYS_VERSION.match(sys.version)
    settings = venv_settings(read(os.path.join(sys.prefix, "pyvenv.cfg")))
    conda = os.path.isdir(os.path.join(sys.base_prefix, "conda-meta"))
    return {
        "implementation": sys.implementation.name,
        "version": "%d.%d.%d" % sys.version_info[:3] + _release_suffix(),
        "build": match.group("build") if match else "",
        "compiler": match.group("compiler") if match else "",
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base-prefix": sys.base_prefix,
        "conda": conda,
        "environment": environment_kind(settings, conda=conda),
        "system-site-packages": settings.get("include-system-site-packages", "").lower() == "true",
        **build(),
    }


def venv_settings(text: str) -> dict[str, str]:
    """Return the keys and values of a pyvenv.cfg: https://docs.python.org/3/library/venv.html."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def environment_kind(settings: dict[str, str], *, conda: bool) -> str:
    """Say which tool made the environment that the interpreter stands in; none where it is the base itself."""
    if sys.prefix == sys.base_prefix:
        return "conda" if conda else "none"
    return next((tool for tool in ("uv", "virtualenv") if tool in settings), "venv")


def _release_suffix() -> str:
    letters = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}
    kind = letters[sys.version_info[3]]
    return kind + str(sys.version_info[4]) if kind else ""


def platform_facts() -> dict[str, str]:
    """Describe the operating system: C library, distribution and kernel release."""
    libc, _, libc_version = _confstr("CS_GNU_LIBC_VERSION").partition(" ")
    system = os.uname()
    return {
        "system": system.sysname,
        "arch": system.machine,
        "libc": libc,
        "libc-version": libc_version,
        "distribution": _distribution(),
        "kernel": system.release,
    }


def _confstr(name: str) -> str:
    try:
        return os.confstr(name) or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _distribution() -> str:
    fields = dict(line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line)
    names = ("ID", "VERSION_ID", "VERSION_CODENAME")
    return " ".join(value for value in (fields.get(name, "").strip("\"'") for name in names) if value)


def roots() -> list[str]:
    """List the folders that imports are searched in, each once.

    A folder counts once under its first spelling: in a virtual environment ``lib64`` can be a link to ``lib``.
    """
    seen: dict[str, str] = {}
    for entry in sys.path:
        folder = _absolute(entry)
        if folder and os.path.isdir(folder):
            seen.setdefault(os.path.realpath(folder), folder)
    return list(seen.values())


def _absolute(entry: str) -> str:
    """Spell a folder absolutely; nothing where it is relative to a working folder that is gone."""
    try:
        return os.path.abspath(entry) if entry else ""
    except OSError:
        return ""
