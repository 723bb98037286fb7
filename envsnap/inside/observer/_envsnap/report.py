"""Writes the report of one process at its end: the settings in force and the libraries loaded.

No host name, user name or device serial: folders of the environment and the user become placeholders.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import sys
import time
import warnings

from . import settings as framework_settings
from .distributions import owners
from .libraries import libraries_among, loaded, mapped
from .placeholders import in_text
from .places import Places
from .sources import sources
from .streams import RANKS, WORLDS
from .variables import NUMERICS_VARIABLES
from .watch import Errors, Watch

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    # Frameworks are no dependency.
    Module = Any

FRAMEWORKS = (
    "cupy",
    "jax",
    "jaxlib",
    "keras",
    "lightgbm",
    "numpy",
    "scipy",
    "sklearn",
    "tensorflow",
    "torch",
    "xgboost",
)


def write(launch: dict[str, Any], modules: int, watch: Watch, errors: Errors) -> None:
    """Write ``observed-<pid>-<nanoseconds>.json`` into the report folder in one step."""
    with warnings.catch_warnings():
        # Reading a deprecated setting must not disturb a job that makes warnings errors.
        warnings.simplefilter("ignore")
        report = describe(launch, modules, watch, errors)
    path = os.path.join(launch["folder"], "observed-{}-{}.json".format(os.getpid(), time.time_ns()))
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1, sort_keys=True)
    os.replace(path + ".part", path)


def describe(launch: dict[str, Any], modules: int, watch: Watch, errors: Errors) -> dict[str, Any]:
    """Return the report; a part that cannot be told is left out and named among the errors."""
    attempt = errors.attempt
    if watch.generators is not None:
        attempt("generators", watch.generators.settle)
    settings = _frameworks_settings(watch, errors)
    rank, ranks = attempt("rank", _rank, (None, 0))
    report = {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "program": attempt("program", _program, ""),
        "modules": modules,
        "seed": launch["seed"],
        "rank": rank,
        "ranks": ranks,
        "hash-seed": launch["hash-seed"],
        "variables": _variables(os.environ),
        "frameworks": attempt("frameworks", _frameworks, {}),
        "numpy": attempt("numpy", _numpy),
        "thread-pools": attempt("thread pools", lambda: _thread_pools(launch["threadpoolctl"]), []),
        "changed": attempt("changed settings", lambda: _changed(launch["environ"], watch, settings), []),
    }
    report.update(settings)
    report.update(attempt("loaded files", lambda: _loaded(watch, errors), {}))
    report["errors"] = [in_text(message) for message in errors.messages]
    return report


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: in_text(environ[name]) for name in NUMERICS_VARIABLES if name in environ}


def _frameworks_settings(watch: Watch, errors: Errors) -> dict[str, Any]:
    found = {
        "torch": errors.attempt("torch", lambda: _torch(errors)),
        "tensorflow": errors.attempt("tensorflow", lambda: _framework("tensorflow", errors)),
        "jax": errors.attempt("jax", lambda: _framework("jax", errors)),
    }
    return {
        name: dict(watch.starts.ends.get(name, {}), **settings)
        for name, settings in found.items()
        if settings is not None
    }


def _changed(environ: Mapping[str, str], watch: Watch, settings: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the job has changed: settings since the framework's import, variables since the start."""
    before, after = _variables(environ), _variables(os.environ)
    names = sorted(before.keys() | after.keys())
    pairs = [("variable", name, before.get(name, ""), after.get(name, "")) for name in names]
    for framework, early in sorted(watch.starts.settings.items()):
        late = settings.get(framework, {})
        pairs += [(framework, *difference) for difference in framework_settings.differing(early, late)]
    keys = ("framework", "setting", "at-start", "at-exit")
    return [dict(zip(keys, pair)) for pair in pairs if pair[2] != pair[3]]


def _loaded(watch: Watch, errors: Errors) -> dict[str, Any]:
    paths = mapped()
    if watch.files is not None:
        files = watch.files
        errors.attempt("mapped files", lambda: files.note_held(paths))
    libraries, extensions = libraries_among(paths)
    places = watch.places or Places(os.getcwd(), "")
    owned = errors.attempt("distributions", lambda: owners(libraries, places))
    return {
        "distributions": owned.distributions if owned else [],
        "foreign-modules": [in_text(text) for text in owned.modules] if owned else [],
        "sources": errors.attempt("source files", lambda: sources(places), []),
        "extension-modules": extensions,
        "libraries": loaded(libraries, owned.rows if owned else {}, errors.attempt),
    }


def _rank() -> tuple[int | None, int]:
    """Return the process's rank and how many there are: from its launcher, or where torch itself made the group."""
    for rank, ranks in zip(RANKS, WORLDS):
        if os.environ.get(rank, "").isdigit():
            size = os.environ.get(ranks, "")
            return int(os.environ[rank]), int(size) if size.isdigit() else 0
    group: Any = sys.modules.get("torch.distributed")
    if group is not None and group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return None, 0


def _program() -> str:
    program = str(sys.argv[0])
    below = os.path.relpath(program) if os.path.isabs(program) else program
    return in_text(program if below.startswith("..") else below)


def _frameworks() -> dict[str, str]:
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in FRAMEWORKS}
    return {name: str(version) for name, version in versions.items() if version is not None}


def _numpy() -> dict[str, Any] | None:
    numpy = sys.modules.get("numpy")
    if not hasattr(numpy, "__version__"):
        return None
    # The module moved in numpy 2.
    names = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")
    umath = next((sys.modules[name] for name in names if name in sys.modules), None)
    found = getattr(umath, "__cpu_features__", {})
    return {
        "version": str(getattr(numpy, "__version__", "")),
        "cpu-baseline": list(getattr(umath, "__cpu_baseline__", [])),
        "cpu-found": sorted(name for name, present in found.items() if present),
    }


def _torch(errors: Errors) -> dict[str, Any] | None:
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "__version__"):
        return None
    settings = framework_settings.read_torch(torch, errors.attempt)
    ask = framework_settings.read
    in_use = errors.attempt("torch CUDA", lambda: ask(torch, "cuda.is_initialized"), False)
    if in_use:  # asking otherwise would load cuDNN and initialise CUDA
        settings["cudnn-version"] = errors.attempt("torch cuDNN", lambda: ask(torch, "backends.cudnn.version"))
        settings["devices"] = errors.attempt("torch devices", lambda: _devices(torch), [])
    return dict(settings, version=str(torch.__version__))


def _framework(name: str, errors: Errors) -> dict[str, Any] | None:
    module: Any = sys.modules.get(name)
    if not hasattr(module, "__version__"):
        return None
    read = framework_settings.read_jax if name == "jax" else framework_settings.read_tensorflow
    return dict(read(module, errors.attempt), version=str(module.__version__))


def _devices(torch: Module) -> list[str]:
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _thread_pools(path: str) -> list[dict[str, Any]]:
    if not path:
        return []
    spec = importlib.util.spec_from_file_location("_envsnap_threadpoolctl", path)
    if spec is None or spec.loader is None:
        raise ImportError("no Python module at {}".format(path))
    threadpoolctl: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = threadpoolctl
    spec.loader.exec_module(threadpoolctl)
    pools = [_thread_pool(info) for info in threadpoolctl.threadpool_info()]
    return sorted(pools, key=lambda pool: (pool["api"], pool["path"]))


def _thread_pool(info: dict[str, Any]) -> dict[str, Any]:
    return {
        "api": info["user_api"],
        "implementation": info["internal_api"],
        "version": info.get("version") or "",
        "num-threads": info.get("num_threads"),
        "architecture": info.get("architecture") or "",
        "threading-layer": info.get("threading_layer") or "",
        "path": in_text(info["filepath"]),
    }
