"""Reads the settings of torch, TensorFlow and JAX that move numbers, without initialising a device."""

from __future__ import annotations

import functools
import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # Frameworks are no dependency.
    Module = Any
    Setting = Any
    Settings = dict[str, Any]
    Attempt = Callable[..., Any]

TORCH = (
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

NEWER_TORCH = (
    ("cudnn-conv-fp32-precision", "backends.cudnn.conv.fp32_precision"),
    ("cudnn-enabled", "backends.cudnn.enabled"),
    ("cudnn-rnn-fp32-precision", "backends.cudnn.rnn.fp32_precision"),
    ("cudnn-sdp", "backends.cuda.cudnn_sdp_enabled"),
    ("default-dtype", "get_default_dtype"),
    ("fill-uninitialized-memory", "utils.deterministic.fill_uninitialized_memory"),
    ("flash-sdp", "backends.cuda.flash_sdp_enabled"),
    ("fp32-precision", "backends.fp32_precision"),
    ("interop-threads", "get_num_interop_threads"),
    ("math-sdp", "backends.cuda.math_sdp_enabled"),
    ("matmul-bf16-reduction", "backends.cuda.matmul.allow_bf16_reduced_precision_reduction"),
    ("matmul-fp16-accumulation", "backends.cuda.matmul.allow_fp16_accumulation"),
    ("matmul-fp16-reduction", "backends.cuda.matmul.allow_fp16_reduced_precision_reduction"),
    ("matmul-fp32-precision", "backends.cuda.matmul.fp32_precision"),
    ("mem-efficient-sdp", "backends.cuda.mem_efficient_sdp_enabled"),
    ("mkldnn-conv-fp32-precision", "backends.mkldnn.conv.fp32_precision"),
    ("mkldnn-deterministic", "backends.mkldnn.deterministic"),
    ("mkldnn-enabled", "backends.mkldnn.enabled"),
    ("mkldnn-matmul-fp32-precision", "backends.mkldnn.matmul.fp32_precision"),
    ("opt-einsum", "backends.opt_einsum.enabled"),
    ("opt-einsum-strategy", "backends.opt_einsum.strategy"),
)
"""Settings that not every torch has; where one is missing, that is no error."""

OVERRULED = frozenset({"cudnn-allow-tf32", "float32-matmul-precision", "matmul-allow-tf32"})
"""torch 2.9 and newer refuse to tell these once the job has set an ``fp32_precision``, which says more."""

AT_EXIT_ONLY = frozenset({"cpu-capability", "interop-threads", "num-threads"})
"""Asking early could size a thread pool before the job has set its wishes."""

NOT_COMPARED = AT_EXIT_ONLY | {
    "backend",
    "cudnn-version",
    "devices",
    "inter-op-threads",
    "intra-op-threads",
    "mixed-precision",
    "version",
}
"""What was not asked early, or is no setting."""

TENSORFLOW = (
    ("inter-op-threads", "config.threading.get_inter_op_parallelism_threads"),
    ("intra-op-threads", "config.threading.get_intra_op_parallelism_threads"),
    ("jit", "config.optimizer.get_jit"),
    ("tensor-float-32", "config.experimental.tensor_float_32_execution_enabled"),
)
JAX = (
    ("default-matmul-precision", "jax_default_matmul_precision"),
    ("default-prng-impl", "jax_default_prng_impl"),
    ("disable-jit", "jax_disable_jit"),
    ("enable-x64", "jax_enable_x64"),
    ("numpy-dtype-promotion", "jax_numpy_dtype_promotion"),
    ("platforms", "jax_platforms"),
    ("threefry-partitionable", "jax_threefry_partitionable"),
)


def read_torch(torch: Module, attempt: Attempt, *, early: bool = False) -> Settings:
    """Return torch's settings; ``early``: without those that are not to be asked before the job's own lines."""
    left_out = AT_EXIT_ONLY if early else frozenset()
    newer = _read_newer(torch, left_out)
    settings = {}
    for name, place in TORCH:
        if name not in left_out and not (name in OVERRULED and _is_refused(torch, place, newer)):
            settings[name] = attempt("torch " + name, functools.partial(read, torch, place))
    return dict(settings, **newer)


def read_tensorflow(tensorflow: Module, attempt: Attempt, *, early: bool = False) -> Settings:
    """Return TensorFlow's settings; the thread counts are 0 where it chooses them itself."""
    settings = {
        name: attempt("tensorflow " + name, functools.partial(read, tensorflow, place))
        for name, place in TENSORFLOW
        if not (early and name.endswith("threads"))
    }
    config: Module = sys.modules.get("tensorflow.python.framework.config")
    if hasattr(config, "is_op_determinism_enabled"):  # the public interface can only switch it on
        settings["op-determinism"] = attempt("tensorflow op-determinism", config.is_op_determinism_enabled)
    policy = None if early else _keras_policy()
    return settings if policy is None else dict(settings, **{"mixed-precision": policy})


def read_jax(jax: Module, attempt: Attempt) -> Settings:
    """Return JAX's settings; the backend only where the job has initialised one."""
    settings = {name: attempt("jax " + name, functools.partial(getattr, jax.config, key, None)) for name, key in JAX}
    settings = {name: value for name, value in settings.items() if value is not None}
    bridge: Module = sys.modules.get("jax._src.xla_bridge")
    if getattr(bridge, "_backends", None):
        settings["backend"] = attempt("jax backend", jax.default_backend)
        settings["devices"] = attempt("jax devices", lambda: [str(device.device_kind) for device in jax.devices()])
    return settings


def differing(early: Settings, late: Settings) -> list[tuple[str, str, str]]:
    """Return ``(name, before, after)`` of each setting that is not as it was, in order of name; "" where unset."""
    refused = OVERRULED - late.keys()
    names = sorted((early.keys() | late.keys()) - NOT_COMPARED - refused)
    pairs = [(name, early.get(name), late.get(name)) for name in names]
    return [(name, text(before), text(after)) for name, before, after in pairs if before != after]


def read(module: Module, place: str) -> Setting:
    """Return what a dotted name stands for, called if it is a function; a type as its name."""
    value = functools.reduce(getattr, place.split("."), module)
    value = value() if callable(value) else value
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def text(value: Setting) -> str:
    """Spell a setting as TOML and JSON would; "" for one that is unset."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_newer(torch: Module, left_out: frozenset[str]) -> Settings:
    found = {}
    for name, place in NEWER_TORCH:
        if name in left_out:
            continue
        try:
            found[name] = read(torch, place)
        except (AttributeError, RuntimeError):
            continue
    return {name: value for name, value in found.items() if value is not None}


def _is_refused(torch: Module, place: str, newer: Settings) -> bool:
    if "matmul-fp32-precision" not in newer:
        return False
    try:
        read(torch, place)
    except RuntimeError:
        return True
    return False


def _keras_policy() -> str | None:
    keras: Module = sys.modules.get("keras")
    policies: Module = getattr(keras, "mixed_precision", None)
    if hasattr(policies, "dtype_policy"):
        return str(policies.dtype_policy().name)
    return str(policies.global_policy().name) if hasattr(policies, "global_policy") else None
