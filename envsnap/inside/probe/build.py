"""How the running interpreter was built, and by whom it was put where it stands."""

from __future__ import annotations

import json
import os
import sys
import sysconfig

from .files import read

OPTIMIZATIONS = {
    "--enable-bolt": "bolt",
    "--enable-experimental-jit": "jit",
    "--enable-optimizations": "pgo",
    "--with-lto": "lto",
    "-flto": "lto",
    "-fprofile-instr-use": "pgo",
    "-fprofile-use": "pgo",
}
"""Options of configure, and of the compilers: https://docs.python.org/3/using/configure.html#performance-options."""

FLAGS = ("PY_CFLAGS", "PY_CORE_CFLAGS", "PY_CFLAGS_NODIST", "PY_LDFLAGS_NODIST", "PY_CORE_LDFLAGS")

ENGINE_MARKS = ("/.dockerenv", "/run/.containerenv", "/.singularity.d")
"""What Docker, Podman and Apptainer put into a container's root."""


def build() -> dict[str, object]:
    """Return how the interpreter was built, and marks of who built it."""
    return {
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
        "free-threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil-enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "optimizations": optimizations(),
        "shared-library": shared_library(),
        "pyenv": _is_pyenv(os.path.realpath(sys.base_prefix)),
        "standalone": _is_standalone(),
        "container": in_container(),
        "build-details": build_details(),
    }


def optimizations() -> list[str]:
    """Return which of pgo, lto, bolt and jit sysconfig tells of; a packager's own build may use some and not say so."""
    found = set()
    for word in " ".join(map(_config, ("CONFIG_ARGS", *FLAGS))).replace("'", " ").split():
        option, _, value = word.partition("=")
        if option in OPTIMIZATIONS and value != "no":
            found.add(OPTIMIZATIONS[option])
    return sorted(found)


def _config(name: str) -> str:
    return str(sysconfig.get_config_var(name) or "")


def shared_library() -> bool:
    """Whether the code of this interpreter lies in a libpython that is loaded.

    Debian's and conda's executables hold it themselves although sysconfig tells of a shared library.
    """
    maps = read("/proc/self/maps")
    return "/libpython" in maps if maps else bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))


def _is_pyenv(base: str) -> bool:
    """Whether it stands in ``versions`` of a pyenv, wherever PYENV_ROOT is."""
    versions, _ = os.path.split(base)
    root, name = os.path.split(versions)
    return name == "versions" and os.path.isfile(os.path.join(root, "libexec", "pyenv"))


def _is_standalone() -> bool:
    """Whether this is a build of python-build-standalone, which uv, rye, hatch and mise install.

    Newer ones say so in sysconfig, older ones were built for ``/install``; uv corrects that in ``prefix``:
    https://github.com/astral-sh/python-build-standalone
    """
    options = _config("CONFIG_ARGS").replace("'", " ").split()
    return bool(_config("PYTHON_BUILD_STANDALONE")) or "--prefix=/install" in options or _config("prefix") == "/install"


def in_container() -> bool:
    """Whether a container engine made this root: by its mark, or by the overlay that containerd leaves unmarked."""
    if any(os.path.exists(mark) for mark in ENGINE_MARKS):
        return True
    mounts = (line.split(" ") for line in read("/proc/self/mounts").splitlines())
    return any(fields[1:3] == ["/", "overlay"] for fields in mounts)


def build_details() -> dict[str, object] | None:
    """Return what build-details.json (PEP 739) says, without its paths; None where there is none.

    Nothing is taken that has not the type of the specification, version 1.0:
    https://packaging.python.org/en/latest/specifications/build-details/v1.0/
    """
    path = os.path.join(os.path.dirname(os.__file__), "build-details.json")
    if not os.path.lexists(path):
        return None
    try:
        details = json.loads(read(path))
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, dict):
        return {"problem": "it is not the JSON of PEP 739, or cannot be read"}
    abi, suffixes = _table(details, "abi"), _table(details, "suffixes")
    return {
        "schema-version": _text(details, "schema_version"),
        "platform": _text(details, "platform"),
        "abi-flags": _texts(abi, "flags"),
        "extension-suffix": _text(abi, "extension_suffix"),
        "stable-abi-suffix": _text(abi, "stable_abi_suffix"),
        "extensions": _texts(suffixes, "extensions"),
    }


def _table(details: dict[str, object], key: str) -> dict[str, object]:
    value = details.get(key)
    return value if isinstance(value, dict) else {}


def _text(table: dict[str, object], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _texts(table: dict[str, object], key: str) -> list[str]:
    value = table.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
