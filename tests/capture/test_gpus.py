"""The real pynvml is driven through a small library in NVML's place: what a driver tells is kept, and none hangs us."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envsnap.capture import hardware
from envsnap.host import nvml

pytestmark = pytest.mark.processes

STUB = Path(__file__).with_name("nvml_stub.c")
ASK = """
import functools, msgspec, sys
from envsnap.capture.hardware import query_gpus
from envsnap.host import nvml
nvml.ask = functools.partial(nvml.ask, timeout=float(sys.argv[1]))
facts = query_gpus(uuids="uuids" in sys.argv)
print(msgspec.json.encode(facts).decode())
"""
Query = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built stub."""
    if shutil.which("cc") is None:
        pytest.skip("cc is missing: it builds tests/capture/nvml_stub.c")
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(("cc", "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(STUB)), check=True)
    return folder


@pytest.fixture
def query(library: Path) -> Query:
    """Ask, in a process that finds the stub, what envsnap makes of its answers."""

    def ask(behaviour: str, *words: str, timeout: float = 30) -> dict[str, Any]:
        env = {**os.environ, "LD_LIBRARY_PATH": str(library), "NVML_STUB": behaviour}
        done = subprocess.run(
            (sys.executable, "-c", ASK, str(timeout), *words), env=env, capture_output=True, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return ask


H100 = {
    "name": "NVIDIA H100 80GB HBM3", "compute-capability": "9.0", "memory-mib": 81559, "mig-profile": "1g.10gb",
    "ecc": True, "compute-mode": "exclusive-process", "power-limit-watts": 700, "max-sm-mhz": 1980,
    "max-memory-mhz": 2619, "application-sm-mhz": 1755, "application-memory-mhz": 2619, "uuid": "",
}  # fmt: skip
L4 = {
    "name": "NVIDIA L4", "compute-capability": "8.9", "memory-mib": 23034, "mig-profile": "", "ecc": None,
    "compute-mode": "default", "power-limit-watts": 72, "max-sm-mhz": 1980, "max-memory-mhz": 2619,
    "application-sm-mhz": None, "application-memory-mhz": None, "uuid": "",
}  # fmt: skip


def known(facts: dict[str, Any]) -> set[str]:
    """Return which facts of a GPU are told."""
    return {key for key, value in facts.items() if value not in ("", 0, None)}


def test_two_gpus_one_partitioned_one_without_ecc(query: Query) -> None:
    """Each is described for itself; the profile is that of the slice that is there, in whichever slot."""
    expected = {"driver": "550.54.14", "driver-cuda": "12.4", "gpus": [H100, L4], "problem": ""}

    assert expected == query("")


def test_one_gpu(query: Query) -> None:
    """A machine with one GPU has one."""
    assert [H100] == query("one")["gpus"]


def test_eight_gpus_stand_in_order(query: Query) -> None:
    """The order is that of their numbers."""
    assert [H100, L4] * 4 == query("eight")["gpus"]


def test_uuids_are_told_only_where_they_are_asked_for(query: Query) -> None:
    """They identify a machine."""
    assert ["GPU-0000-0", "GPU-0000-1"] == [gpu["uuid"] for gpu in query("", "uuids")["gpus"]]


def test_a_gpu_without_memory_of_its_own_is_described(query: Query) -> None:
    """Unified memory belongs to the system; NVML refuses to call it the GPU's."""
    found = query("unified")

    assert [{**H100, "memory-mib": 0}, {**L4, "memory-mib": 0}] == found["gpus"]
    assert "" == found["problem"]


def test_a_slice_that_may_not_be_seen_is_left_out(query: Query) -> None:
    """A container without the capability still sees the GPU."""
    assert [{**H100, "mig-profile": ""}, L4] == query("closed")["gpus"]


def test_a_gpu_that_supports_no_question_is_no_problem(query: Query) -> None:
    """An old driver knows fewer answers, and says so."""
    found = query("plain")

    assert [{"name", "compute-capability"}] * 2 == [known(gpu) for gpu in found["gpus"]]
    assert "" == found["problem"]


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ("no-driver", "NVML does not start: Driver Not Loaded"),
        ("lost", "GPU 0: GPU is lost; GPU 1: GPU is lost"),
        ("fail-count", "number of GPUs: Unknown Error"),
        ("fail-handle", "GPU 0: Unknown Error; GPU 1: Unknown Error"),
        ("fail-name", "GPU 0: Unknown Error; GPU 1: Unknown Error"),
        ("fail-capability", "GPU 0: Unknown Error; GPU 1: Unknown Error"),
    ],
)
def test_a_failing_driver_is_a_reported_problem(query: Query, behaviour: str, problem: str) -> None:
    """Facts that could not be captured come with the reason, even if NVML cannot be left in order."""
    found = query(behaviour)

    assert (problem, []) == (found["problem"], found["gpus"])


@pytest.mark.parametrize(
    ("behaviour", "problem", "lost"),
    [
        ("fail-driver", "driver version: Unknown Error", {"driver"}),
        ("fail-cuda", "CUDA of the driver: Unknown Error", {"driver-cuda"}),
    ],
)
def test_a_driver_that_does_not_name_itself_still_has_gpus(
    query: Query, behaviour: str, problem: str, lost: set[str]
) -> None:
    """One error hides no other fact."""
    found = query(behaviour)

    assert (problem, lost, [H100, L4]) == (found["problem"], {"driver", "driver-cuda"} - known(found), found["gpus"])


@pytest.mark.parametrize(
    ("call", "what", "lost"),
    [
        ("memory", "memory", {"memory-mib"}),
        ("mig", "MIG profile", {"mig-profile"}),
        ("ecc", "ECC mode", {"ecc"}),
        ("mode", "compute mode", {"compute-mode"}),
        ("power", "power limit", {"power-limit-watts"}),
    ],
)
def test_each_fact_can_fail_alone(query: Query, call: str, what: str, lost: set[str]) -> None:
    """The others are kept, and the problem names the one and its GPU."""
    found = query(f"one fail-{call}")

    assert f"{what} of GPU 0: Unknown Error" == found["problem"]
    assert known(H100) - lost == known(found["gpus"][0])


def test_a_gpu_that_is_lost_on_the_way_keeps_what_it_told(query: Query) -> None:
    """Said once, not for each question that follows; the other GPU is described."""
    found = query("lost-0")

    assert "GPU 0: GPU is lost" == found["problem"]
    assert {"name", "compute-capability"} == known(found["gpus"][0])
    assert L4 == found["gpus"][1]


@pytest.mark.parametrize(
    ("call", "driver", "gpus"),
    [("init", "", []), ("driver", "", []), ("count", "550.54.14", []), ("ecc", "550.54.14", [])],
)
def test_a_driver_that_hangs_is_left_alone(query: Query, call: str, driver: str, gpus: list[Any]) -> None:
    """Whichever call it hangs in, envsnap goes on with what was told before, and says so."""
    found = query(f"hang-{call}", timeout=2)

    assert {"driver": driver, "gpus": gpus, "problem": "the GPU driver did not answer within 2 s"} == {
        key: found[key] for key in ("driver", "gpus", "problem")
    }


def test_a_driver_that_crashes_takes_nothing_with_it(query: Query) -> None:
    """NVML is foreign code: a crash in it is a fact that is missing."""
    found = query("crash-ecc")

    assert ("550.54.14", "NVML ended before it had answered: exit code -6") == (found["driver"], found["problem"])


def test_no_library_means_no_gpu_and_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is an answer, not a problem, and it is a quick one."""
    monkeypatch.setattr(nvml, "LIBRARY", "libnvidia-ml-that-is-nowhere.so.1")
    monkeypatch.setattr(nvml, "_run", None)

    assert hardware.NvmlFacts() == hardware.query_gpus()


def test_lines_that_are_not_the_childs_are_passed_over() -> None:
    """The driver's library may print; a line that was cut off is none."""
    lines = b'warning\n{"driver": "550.54.14"}\nnoise\n{"driver": 5}\n{"driver": "5'

    assert msgspec.structs.replace(hardware._Answer(), driver="550.54.14") == hardware._last_answer(lines)


class Unkillable:
    """A process that no signal ends, as one that waits for a device in the kernel."""

    stdout = stderr = None
    returncode: int | None = None

    def poll(self) -> int | None:
        """Say that it runs."""
        return self.returncode

    def kill(self) -> None:
        """Take no notice."""

    def wait(self, timeout: float) -> int:
        """Never end."""
        raise subprocess.TimeoutExpired("nvml", timeout)


def test_a_process_that_cannot_be_killed_is_not_waited_for() -> None:
    """A process in uninterruptible sleep ends when the driver lets it."""
    child = Unkillable()

    nvml.end_or_leave(child)  # type: ignore[arg-type]

    assert child.returncode is not None
