"""Writes the report of one process at its end: the settings in force and the libraries loaded.

No host name, user name or device serial: folders of the environment and the user become placeholders.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import sys
import time
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envsnap.inside.observer._envsnap_libraries import loaded, portable
    from envsnap.inside.observer._envsnap_observer import Errors

    # Frameworks are no dependency.
    Module = Any
    Setting = Any
else:
    from _envsnap_libraries import loaded, portable

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "BLIS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "FLASH_ATTENTION_DETERMINISTIC",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "NCCL_MAX_NCHANNELS",
    "NCCL_MIN_NCHANNELS",
    "NCCL_NVLS_ENABLE",
    "NCCL_PROTO",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "NVTE_ALLOW_NONDETERMINISTIC_ALGO",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TORCHINDUCTOR_DETERMINISTIC",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "VECLIB_MAXIMUM_THREADS",
    "XLA_FLAGS",
)
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

TORCH_SETTINGS = (
    ("cuda-version", "version.cuda"),
    ("deterministic-algorithms", "are_deterministic_algorithms_enabled"),
    ("deterministic-warn-only", "is_deterministic_algorithms_warn_only_enabled"),
    ("cudnn-deterministic", "backends.cudnn.deterministic"),
    ("cudnn-benchmark", "backends.cudnn.benchmark"),
    ("cudnn-allow-tf32", "backends.cudnn.allow_tf32"),
    ("matmul-allow-tf32", "backends.cuda.matmul.allow_tf32"),
    ("float32-matmul-precision", "get_float32_matmul_precision"),
    ("num-threads", "get_num_threads"),
    ("cpu-capability", "backends.cpu.get_cpu_capability"),
)
"""Names in the report and where torch keeps each, as a value or a function without arguments."""


def write(launch: dict[str, Any], modules: int, errors: Errors) -> None:
    """Write ``observed-<pid>-<nanoseconds>.json`` into the report folder in one step."""
    with warnings.catch_warnings():
        # Reading a deprecated setting must not disturb a job that makes warnings errors.
        warnings.simplefilter("ignore")
        report = describe(launch, modules, errors)
    path = os.path.join(launch["folder"], "observed-{}-{}.json".format(os.getpid(), time.time_ns()))
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1, sort_keys=True)
    os.replace(path + ".part", path)


def describe(launch: dict[str, Any], modules: int, errors: Errors) -> dict[str, Any]:
    """Return the report; a part that cannot be told is left out and named among the errors."""
    report = {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "program": errors.attempt("program", _program, ""),
        "modules": modules,
        "seed": launch["seed"],
        "hash-seed": launch["hash-seed"],
        "variables": {name: portable(os.environ[name]) for name in VARIABLES if name in os.environ},
        "frameworks": errors.attempt("frameworks", _frameworks, {}),
        "numpy": errors.attempt("numpy", _numpy),
        "torch": errors.attempt("torch", lambda: _torch(errors)),
        "thread-pools": errors.attempt("thread pools", lambda: _thread_pools(launch["threadpoolctl"]), []),
        "libraries": errors.attempt("libraries", lambda: loaded(errors.attempt), []),
    }
    report["errors"] = [portable(message) for message in errors.messages]
    return report


def _program() -> str:
    program = str(sys.argv[0])
    below = os.path.relpath(program) if os.path.isabs(program) else program
    return portable(program if below.startswith("..") else below)


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
    settings: dict[str, Any] = {}
    for name, place in TORCH_SETTINGS:
        settings[name] = errors.attempt("torch " + name, functools.partial(_read, torch, place))
    in_use = errors.attempt("torch CUDA", lambda: _read(torch, "cuda.is_initialized"), False)
    if in_use:  # asking otherwise would load cuDNN and initialise CUDA
        settings["cudnn-version"] = errors.attempt("torch cuDNN", lambda: _read(torch, "backends.cudnn.version"))
        settings["devices"] = errors.attempt("torch devices", lambda: _devices(torch), [])
    return dict(settings, version=str(torch.__version__))


def _read(torch: Module, place: str) -> Setting:
    value = functools.reduce(getattr, place.split("."), torch)
    return value() if callable(value) else value


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
        "path": portable(info["filepath"]),
    }
