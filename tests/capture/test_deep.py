"""What moves numbers is told without a job: by importing what is there."""

import importlib.metadata
import sys
import threading
from pathlib import Path

import pytest
import threadpoolctl

from envsnap.capture.deep import capture_deep
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.observation import Observation

pytestmark = pytest.mark.processes

HERE = LocalEnvironment(Path(sys.executable))


def test_the_frameworks_that_are_there_are_asked(tmp_path: Path) -> None:
    """Their BLAS, threads and kernels, under the variables that the caller has."""
    seen = capture_deep(HERE, tmp_path, {"OPENBLAS_NUM_THREADS": "1", "MKL_CBWR": "AVX2"})

    assert isinstance(seen, Observation)
    assert {"numpy": importlib.metadata.version("numpy"), "scipy": importlib.metadata.version("scipy")} == {
        name: seen.frameworks[name] for name in ("numpy", "scipy")
    }
    assert {1} == {pool.num_threads for pool in seen.thread_pools if pool.api == "blas"}
    assert {"OPENBLAS_NUM_THREADS": "1", "MKL_CBWR": "AVX2"}.items() <= seen.variables.items()
    assert seen.numpy is not None
    assert () == seen.errors
    assert () == seen.foreign_modules


def test_threadpoolctl_agrees(tmp_path: Path) -> None:
    """The pools are what threadpoolctl says in a process of its own."""
    import numpy as np  # noqa: F401 - loads its BLAS

    seen = capture_deep(HERE, tmp_path, {})
    expected = {
        (Path(pool["filepath"]).name, pool["version"], pool["threading_layer"])
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }

    assert isinstance(seen, Observation)
    assert expected <= {
        (Path(pool.path).name, pool.version, pool.threading_layer) for pool in seen.thread_pools if pool.api == "blas"
    }


def test_a_framework_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    """The others are asked all the same, and what it prints is not taken for the answer."""
    (tmp_path / "torch.py").write_text("print('--- envsnap probe 1 ---')\nraise OSError('libcudart is missing')\n")

    seen = capture_deep(HERE, tmp_path, {"PYTHONPATH": str(tmp_path)})

    assert isinstance(seen, Observation)
    assert ("import of torch: OSError: libcudart is missing",) == seen.errors
    assert seen.numpy is not None


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import time; time.sleep(60)", "within 2 s"),
        ("import os; os._exit(3)", "exit code 3"),
    ],
)
def test_a_framework_that_ends_or_holds_the_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, reason: str
) -> None:
    """Not captured, with the reason."""
    (tmp_path / "torch.py").write_text(module)
    monkeypatch.setattr("envsnap.capture.deep.TIMEOUT_SECONDS", 2.0)

    told = capture_deep(HERE, tmp_path, {"PYTHONPATH": str(tmp_path)})

    assert isinstance(told, UncapturedFact)
    assert "numerics" == told.what
    assert reason in told.reason
    assert 1 == threading.active_count()
