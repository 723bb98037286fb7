"""The real pynvml is driven through a small library in NVML's place: GPUs are described, refusals are no errors."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml
import pytest

from envsnap.host import nvml

STUB = Path(__file__).with_name("nvml_stub.c")
ASK = "import json, dataclasses; from envsnap.host import nvml; print(json.dumps(dataclasses.asdict(nvml.query())))"
Query = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built stub."""
    if shutil.which("cc") is None:
        pytest.skip("cc is missing: it builds tests/host/nvml_stub.c")
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(("cc", "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(STUB)), check=True)
    return folder


@pytest.fixture
def query(library: Path) -> Query:
    """Ask, in a process that finds the stub, what envsnap makes of its answers."""

    def ask(behaviour: str) -> dict[str, Any]:
        env = {**os.environ, "LD_LIBRARY_PATH": str(library), "NVML_STUB": behaviour}
        done = subprocess.run((sys.executable, "-c", ASK), env=env, capture_output=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return ask


H100 = {
    "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "memory_mib": 81559, "mig_profile": "1g.10gb",
    "ecc": True,
}  # fmt: skip
L4 = {"name": "NVIDIA L4", "compute_capability": "8.9", "memory_mib": 23034, "mig_profile": "", "ecc": None}


def test_two_gpus_one_partitioned_one_without_ecc(query: Query) -> None:
    """Each is described for itself; the profile is that of the slice that is there, in whichever slot."""
    expected = {"driver": "550.54.14", "driver_cuda": "12.4", "gpus": [H100, L4], "problem": ""}

    assert expected == query("")


def test_a_gpu_without_memory_of_its_own_is_described(query: Query) -> None:
    """Unified memory belongs to the system; NVML refuses to call it the GPU's."""
    found = query("unified")

    assert [{**H100, "memory_mib": 0}, {**L4, "memory_mib": 0}] == found["gpus"]
    assert "" == found["problem"]


def test_a_slice_that_may_not_be_seen_is_left_out(query: Query) -> None:
    """A container without the capability still sees the GPU."""
    assert [{**H100, "mig_profile": ""}, L4] == query("closed")["gpus"]


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [("no-driver", "NVML does not start: Driver Not Loaded"), ("lost", "NVML answered with an error: GPU is lost")],
)
def test_a_failing_driver_is_a_reported_problem(query: Query, behaviour: str, problem: str) -> None:
    """Facts that could not be captured come with the reason, even if NVML cannot be left in order."""
    assert problem == query(behaviour)["problem"]


def test_no_library_means_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is an answer, not a problem."""

    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)

    assert nvml.NvmlFacts() == nvml.query()
