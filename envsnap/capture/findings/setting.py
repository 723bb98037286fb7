"""Settings in force at a job's end that round its numbers more coarsely, or let them differ from run to run."""

from collections.abc import Iterator

from envsnap.manifest.finding import Finding
from envsnap.manifest.observation import ChangedSetting, Observation

TF32 = "TensorFloat-32, which keeps ten bits of mantissa"
COARSE_PRECISIONS = {
    "high": f"float32 products may use {TF32}",
    "medium": "float32 products may use bfloat16, which keeps seven bits of mantissa",
    "tf32": f"float32 products may use {TF32}",
    "bf16": "float32 products may use bfloat16, which keeps seven bits of mantissa",
}
FULL_JAX_PRECISIONS = frozenset({"float32", "highest", "F32_F32_F32", "F64_F64_F64"})
"""https://docs.jax.dev/en/latest/jax.lax.html#jax.lax.Precision: all others are coarser on a GPU or TPU."""
TORCH_PRECISIONS = (
    "float32_matmul_precision",
    "fp32_precision",
    "matmul_fp32_precision",
    "cudnn_conv_fp32_precision",
    "cudnn_rnn_fp32_precision",
    "mkldnn_matmul_fp32_precision",
    "mkldnn_conv_fp32_precision",
)
ONE_SWITCH = (
    ("torch matmul-fp32-precision", "torch float32-matmul-precision", "torch matmul-allow-tf32"),
    ("torch cudnn-conv-fp32-precision", "torch cudnn-rnn-fp32-precision", "torch cudnn-allow-tf32"),
    ("torch deterministic-algorithms", "torch deterministic-warn-only"),
)
"""Names of one thing, old and new: the first that is told tells the others."""
TF32_VARIABLES = {
    "NVIDIA_TF32_OVERRIDE": ("1",),
    "ONEDNN_DEFAULT_FPMATH_MODE": ("ANY", "BF16", "F16", "TF32"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": ("1",),
}
DETERMINISM = {
    ("tensorflow", "op-determinism"): ("true", "false"),
    ("torch", "cudnn-deterministic"): ("true", "false"),
    ("torch", "deterministic-algorithms"): ("true", "false"),
    ("torch", "mkldnn-deterministic"): ("true", "false"),
}
"""Settings that a job can switch from deterministic to not."""


def setting_findings(observation: Observation) -> tuple[Finding, ...]:
    """Tell which settings make numbers coarser or let them differ, and which the job changed."""
    found = (*_tf32(observation), *_nondeterministic(observation))
    told = {finding.subject for finding in found}
    again = {name for names in ONE_SWITCH for name in _after_the_first(names, told)}
    changed = (finding for finding in map(_changed, observation.changed) if finding.subject not in told)
    return tuple(sorted({finding for finding in (*found, *changed) if finding.subject not in again}))


def _after_the_first(names: tuple[str, ...], told: set[str]) -> tuple[str, ...]:
    first = next((index for index, name in enumerate(names) if name in told), len(names))
    return names[first + 1 :]


def _tf32(seen: Observation) -> Iterator[Finding]:
    for name, values in TF32_VARIABLES.items():
        value = seen.variables.get(name, "")
        if value.upper() in values:
            yield Finding(kind="tf32", subject=name, detail=f"{name}={value}: products of float32 are rounded coarsely")
    overridden = seen.variables.get("NVIDIA_TF32_OVERRIDE") == "0"
    for subject, detail in (*_torch_tf32(seen, overridden=overridden), *_tensorflow_tf32(seen), *_jax_precision(seen)):
        yield Finding(kind="tf32", subject=subject, detail=detail)


def _torch_tf32(seen: Observation, *, overridden: bool) -> Iterator[tuple[str, str]]:
    """Torch allows TF32 in cuDNN unasked: that counts where CUDA was in use, or where the job set it."""
    torch = seen.torch
    if torch is None:
        return
    for field in ("matmul_allow_tf32", "cudnn_allow_tf32"):
        name = _spell(field)
        if getattr(torch, field) and not overridden and (torch.devices or _has_changed(seen, "torch", name)):
            what = "convolutions" if field.startswith("cudnn") else "matrix products"
            yield f"torch {name}", f"{what} on CUDA may use {TF32}"
    for field in TORCH_PRECISIONS:
        name, value = _spell(field), getattr(torch, field)
        on_cuda = not field.startswith("mkldnn")
        in_force = _has_changed(seen, "torch", name) or (not on_cuda or bool(torch.devices))
        if value in COARSE_PRECISIONS and in_force and not (on_cuda and overridden):
            yield f"torch {name}", f"{value}: {COARSE_PRECISIONS[value]}"


def _tensorflow_tf32(seen: Observation) -> Iterator[tuple[str, str]]:
    on_cuda = any(library.name.startswith("libcuda.so") for library in seen.libraries)
    if seen.tensorflow is None or not seen.tensorflow.tensor_float_32:
        return
    if on_cuda or _has_changed(seen, "tensorflow", "tensor-float-32"):
        yield "tensorflow tensor-float-32", f"matrix products and convolutions may use {TF32}"


def _jax_precision(seen: Observation) -> Iterator[tuple[str, str]]:
    jax = seen.jax
    if jax is None:
        return
    precision = jax.default_matmul_precision
    if precision is None and jax.backend in {"gpu", "cuda"}:
        yield "jax default-matmul-precision", f"not set: on a GPU matrix products of float32 use {TF32}"
    elif precision is not None and precision not in FULL_JAX_PRECISIONS:
        yield "jax default-matmul-precision", f"{precision}: products of float32 are rounded coarsely on a GPU or TPU"


def _nondeterministic(seen: Observation) -> Iterator[Finding]:
    for change in seen.changed:
        if DETERMINISM.get((change.framework, change.setting)) == (change.at_start, change.at_exit):
            yield _nondeterminism(f"{change.framework} {change.setting}", "the job switched it off")
    torch = seen.torch
    if torch is not None and torch.cudnn_benchmark:
        yield _nondeterminism("torch cudnn-benchmark", "cuDNN chooses its kernels by timing them, anew in each run")
    if torch is not None and torch.devices and torch.deterministic_algorithms is False:
        detail = "on CUDA some operations add in an order that differs from run to run"
        yield _nondeterminism("torch deterministic-algorithms", detail)


def _nondeterminism(subject: str, detail: str) -> Finding:
    return Finding(kind="nondeterministic-setting", subject=subject, detail=detail)


def _changed(change: ChangedSetting) -> Finding:
    before, after = change.at_start or "not set", change.at_exit or "not set"
    what = f"{change.framework} {change.setting}" if change.framework != "variable" else change.setting
    detail = f"{before} when the job began with it, {after} when the job ended"
    return Finding(kind="changed-setting", subject=what, detail=detail)


def _has_changed(seen: Observation, framework: str, setting: str) -> bool:
    return any((change.framework, change.setting) == (framework, setting) for change in seen.changed)


def _spell(field: str) -> str:
    return field.replace("_", "-")
