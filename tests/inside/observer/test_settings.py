"""Frameworks' settings at exit, and what the job changed since their import."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envsnap.inside.observer._envsnap import settings
from envsnap.manifest.observation import ChangedSetting, Observation

Watch = Callable[..., Observation]

TORCH = """
__version__ = "2.9.0"

class _Cudnn:
    deterministic, benchmark, allow_tf32 = False, True, True

class _Matmul:
    fp32_precision = "none"

    @property
    def allow_tf32(self):
        if self.fp32_precision != "none":
            raise RuntimeError("mix of the legacy and new APIs")
        return False

class backends:
    cudnn = _Cudnn()
    class cuda:
        matmul = _Matmul()

class random:
    seed = staticmethod(lambda: None)
    manual_seed = staticmethod(lambda seed: None)

class cuda:
    is_initialized = staticmethod(lambda: False)

class version:
    cuda = None

seed, manual_seed = random.seed, random.manual_seed
state = {"deterministic": False, "threads": 2, "warn": False}
def use_deterministic_algorithms(mode, *, warn_only=False): state.update(deterministic=mode, warn=warn_only)
def are_deterministic_algorithms_enabled(): return state["deterministic"]
def is_deterministic_algorithms_warn_only_enabled(): return state["warn"]
def get_num_threads(): return state["threads"]
def get_float32_matmul_precision(): return "highest"
"""


def attempt(_what: str, action: Callable[[], Any], default: Any = None) -> Any:
    try:
        return action()
    except AttributeError:
        return default


@pytest.mark.processes
def test_what_the_job_changed_after_the_injection_is_told(watch: Watch, tmp_path: Path) -> None:
    """At start counts what envsnap settled, not what the framework brought."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "torch.py").write_text(TORCH)
    code = (
        "import os, torch\n"
        "assert not torch.backends.cudnn.benchmark\n"
        "torch.backends.cudnn.benchmark = True\n"
        "torch.use_deterministic_algorithms(False)\n"
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'\n"
        "os.environ['MKL_CBWR'] = 'AVX2'\n"
    )

    seen = watch(code)

    assert [
        ("torch", "cudnn-benchmark", "false", "true"),
        ("torch", "deterministic-algorithms", "true", "false"),
        ("torch", "deterministic-warn-only", "true", "false"),
        ("torch", "matmul-fp32-precision", "none", "tf32"),
        ("variable", "MKL_CBWR", "", "AVX2"),
    ] == sorted((one.framework, one.setting, one.at_start, one.at_exit) for one in seen.changed)
    assert seen.torch is not None
    assert ("tf32", None, 2) == (seen.torch.matmul_fp32_precision, seen.torch.matmul_allow_tf32, seen.torch.num_threads)
    assert not any("mix of the legacy" in error for error in seen.errors)


@pytest.mark.processes
def test_a_job_that_changes_nothing_has_nothing_changed(watch: Watch, tmp_path: Path) -> None:
    """The lock stays small."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "torch.py").write_text(TORCH)

    assert () == watch("import torch").changed


@pytest.mark.processes
def test_jax_tells_its_devices_before_it_gives_them_up(watch: Watch, tmp_path: Path) -> None:
    """JAX clears its backends in a function of atexit."""
    (tmp_path / "job" / "jax" / "_src").mkdir(parents=True)
    (tmp_path / "job" / "jax" / "_src" / "__init__.py").touch()
    (tmp_path / "job" / "jax" / "_src" / "xla_bridge.py").write_text(
        "import atexit\n_backends = {}\natexit.register(_backends.clear)\n"
    )
    (tmp_path / "job" / "jax" / "__init__.py").write_text(
        "from jax._src import xla_bridge\n__version__ = '0.10.2'\n"
        "class config:\n    jax_enable_x64 = False\n    jax_default_matmul_precision = None\n"
        "def default_backend(): return 'cpu'\n"
        "class Device: device_kind = 'cpu'\n"
        "def devices(): return [Device()]\n"
    )
    code = (
        "import jax\njax.config.jax_enable_x64 = True\njax.config.jax_default_matmul_precision = 'tensorfloat32'\n"
        "jax.xla_bridge._backends['cpu'] = 1\n"
    )

    seen = watch(code)

    assert seen.jax is not None
    assert ("cpu", ("cpu",), True) == (seen.jax.backend, seen.jax.devices, seen.jax.enable_x64)
    assert (
        ChangedSetting(framework="jax", setting="default-matmul-precision", at_start="", at_exit="tensorfloat32"),
        ChangedSetting(framework="jax", setting="enable-x64", at_start="false", at_exit="true"),
    ) == seen.changed


def test_thread_counts_are_not_asked_early() -> None:
    """Asking could size a pool before the job has set its wishes."""

    def refuse() -> int:
        pytest.fail("asked early")

    torch = SimpleNamespace(get_num_threads=refuse, get_num_interop_threads=refuse)

    found = settings.read_torch(torch, attempt, early=True)

    assert not settings.AT_EXIT_ONLY & found.keys()


def test_a_value_that_is_no_plain_one_becomes_text() -> None:
    """torch.dtype is no JSON."""
    torch = SimpleNamespace(get_default_dtype=lambda: complex(1))

    assert "(1+0j)" == settings.read(torch, "get_default_dtype")


def test_what_is_asked_late_only_has_not_changed() -> None:
    """Nor has a setting that newer torches refuse to tell."""
    early = {"cudnn-benchmark": False, "matmul-allow-tf32": False, "opt-einsum-strategy": "auto"}
    late = {"cudnn-benchmark": True, "num-threads": 4, "version": "2"}

    assert [("cudnn-benchmark", "false", "true"), ("opt-einsum-strategy", "auto", "")] == settings.differing(
        early, late
    )
