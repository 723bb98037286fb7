"""Which settings a reader is told of: those that were in force, not every default."""

from typing import Any

import pytest

from envsnap.capture.findings.setting import setting_findings
from envsnap.manifest.observation import (
    ChangedSetting,
    JaxSettings,
    LoadedLibrary,
    Observation,
    TensorflowSettings,
    TorchSettings,
)

DEFAULTS = TorchSettings(
    version="2.13.0",
    cudnn_allow_tf32=True,
    matmul_allow_tf32=False,
    float32_matmul_precision="highest",
    cudnn_conv_fp32_precision="tf32",
    cudnn_benchmark=False,
    cudnn_deterministic=True,
    deterministic_algorithms=True,
)
DRIVER = LoadedLibrary(name="libcuda.so.580.65.06", family="accelerator", path="/usr/lib/libcuda.so.580.65.06")


def torch(**settings: Any) -> TorchSettings:
    known = {name: getattr(DEFAULTS, name) for name in TorchSettings.__struct_fields__}
    return TorchSettings(**{**known, **settings})


def change(framework: str, setting: str, before: str, after: str) -> ChangedSetting:
    return ChangedSetting(framework=framework, setting=setting, at_start=before, at_exit=after)


def found(**seen: Any) -> list[tuple[str, str]]:
    return [(finding.kind, finding.subject) for finding in setting_findings(Observation(python="3.11.7", **seen))]


def test_torchs_defaults_on_a_cpu_are_no_finding() -> None:
    """cuDNN may use TF32 by default; without CUDA that moves nothing."""
    assert [] == found(torch=DEFAULTS)


def test_torchs_defaults_on_cuda_are_told() -> None:
    """There convolutions do use it."""
    assert [("tf32", "torch cudnn-conv-fp32-precision")] == found(torch=torch(devices=("NVIDIA H100",)))


def test_a_job_that_sets_tf32_on_is_told_without_a_gpu() -> None:
    """The old switch, under which it has two names, is told once."""
    changed = (
        change("torch", "float32-matmul-precision", "highest", "high"),
        change("torch", "matmul-allow-tf32", "false", "true"),
    )

    assert [("tf32", "torch float32-matmul-precision")] == found(
        torch=torch(matmul_allow_tf32=True, float32_matmul_precision="high"), changed=changed
    )


@pytest.mark.parametrize("field", ["matmul_fp32_precision", "mkldnn_matmul_fp32_precision", "fp32_precision"])
def test_the_newer_switches_are_told(field: str) -> None:
    """torch 2.9 brought one for each backend."""
    name = field.replace("_", "-")

    assert [("tf32", f"torch {name}")] == found(
        torch=torch(**{field: "tf32"}), changed=(change("torch", name, "none", "tf32"),)
    )


def test_an_override_that_forbids_tf32_wins() -> None:
    """https://docs.nvidia.com/deeplearning/frameworks/tensorflow-user-guide: 0 overrides every program's setting."""
    seen = torch(devices=("NVIDIA H100",), matmul_allow_tf32=True)

    assert [] == found(torch=seen, variables={"NVIDIA_TF32_OVERRIDE": "0"})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NVIDIA_TF32_OVERRIDE", "1", True),
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1", True),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "bf16", True),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "STRICT", False),
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "0", False),
    ],
)
def test_variables_that_round_coarsely(name: str, value: str, told: bool) -> None:
    """They reach every framework."""
    assert ([("tf32", name)] if told else []) == found(variables={name: value})


def test_tensorflow_counts_where_a_driver_was_loaded() -> None:
    """TensorFlow allows TF32 by default."""
    settings = TensorflowSettings(version="2.21.0", tensor_float_32=True)

    assert [] == found(tensorflow=settings)
    assert [("tf32", "tensorflow tensor-float-32")] == found(tensorflow=settings, libraries=(DRIVER,))


@pytest.mark.parametrize(
    ("precision", "backend", "told"),
    [
        (None, "cpu", False),
        (None, "gpu", True),
        ("highest", "gpu", False),
        ("float32", "gpu", False),
        ("tensorfloat32", "cpu", True),
        ("bfloat16", None, True),
    ],
)
def test_jax_precisions(precision: str | None, backend: str | None, told: bool) -> None:
    """Unset, JAX takes the backend's own, which on a GPU is TF32."""
    settings = JaxSettings(version="0.10.2", default_matmul_precision=precision, backend=backend)

    assert ([("tf32", "jax default-matmul-precision")] if told else []) == found(jax=settings)


def test_what_the_job_switched_off_is_told_once() -> None:
    """As nondeterministic, not as changed as well."""
    changed = (
        change("torch", "cudnn-benchmark", "false", "true"),
        change("torch", "deterministic-algorithms", "true", "false"),
        change("torch", "deterministic-warn-only", "true", "false"),
    )

    assert [
        ("nondeterministic-setting", "torch cudnn-benchmark"),
        ("nondeterministic-setting", "torch deterministic-algorithms"),
    ] == found(torch=torch(cudnn_benchmark=True, deterministic_algorithms=False), changed=changed)


def test_other_changes_are_told_as_changes() -> None:
    """With both values."""
    changed = (change("jax", "enable-x64", "false", "true"), change("variable", "MKL_CBWR", "", "AVX2"))

    told = setting_findings(Observation(python="3.11.7", changed=changed))

    assert [
        ("changed-setting", "MKL_CBWR", "not set when the job began with it, AVX2 when the job ended"),
        ("changed-setting", "jax enable-x64", "false when the job began with it, true when the job ended"),
    ] == [(finding.kind, finding.subject, finding.detail) for finding in told]
