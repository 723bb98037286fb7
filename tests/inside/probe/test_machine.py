"""The machine is described as this process may use it: by affinity and by every cgroup above, in steady numbers."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap.inside.probe import machine

INTEL = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 106\nmodel name\t: Xeon\nflags\t\t: fpu avx avx2 fma\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
HUGE = "9223372036854771712"


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def tree(root: Path, files: Mapping[str, str]) -> str:
    """Write a /proc and a /sys, and return their root."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)


@pytest.mark.parametrize(
    ("text", "vendor", "model", "isa"),
    [
        (INTEL, "GenuineIntel", "Xeon", ["avx", "avx2", "fma"]),
        (ARM, "0x41", "0xd40", ["asimd", "sve"]),
        ("", "", "", []),
    ],
)
def test_cpus_of_both_architectures(tmp_path: Path, text: str, vendor: str, model: str, isa: list[str]) -> None:
    """Arm spells the same facts otherwise; ``model`` is not ``model name``."""
    found = machine.machine(tree(tmp_path, {"proc/cpuinfo": text}))

    assert (vendor, model, isa) == (found["vendor"], found["model"], found["isa"])


def test_cores_are_counted_by_what_shares_them(tmp_path: Path) -> None:
    """Four processors on two cores; ``cpufreq`` is no processor."""
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    files = {
        f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{text}\n" for n, text in siblings.items()
    }
    files |= {
        "sys/devices/system/cpu/cpufreq/x": "",
        "sys/devices/system/node/node0/x": "",
        "sys/devices/system/node/has_cpu": "",
    }

    found = machine.machine(tree(tmp_path, files))

    assert (2, 1) == (found["physical-cores"], found["numa-nodes"])


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("files", "quota", "cores"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n"}, 0.1, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "3200000 100000\n"}, 32.0, 8),
        (
            {
                "proc/self/cgroup": "0::/user/job\n",
                "sys/fs/cgroup/user/job/cpu.max": "max 100000\n",
                "sys/fs/cgroup/user/cpu.max": "300000 100000\n",
            },
            3.0,
            3,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/0a1b\n2:memory:/docker/0a1b\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            2.5,
            3,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
            8,
        ),
        ({"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4.0, 4),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense"}, None, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0\n"}, None, 8),
        ({}, None, 8),
    ],
    ids=["v2", "no limit", "a tenth", "more than there are", "above", "v1, host's path", "v1, none",
         "outside", "text", "zero", "none"],
)  # fmt: skip
def test_the_quota_limits_the_cores(tmp_path: Path, files: dict[str, str], quota: float | None, cores: int) -> None:
    """The lowest of all cgroups above counts; a part of a processor keeps one thread busy."""
    root = tree(tmp_path, files)

    assert (quota, cores) == (machine.cpu_quota(root), machine.usable_cores(root))


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "734003200\n"}, 700),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
        ({"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{HUGE}\n"}, None),
        ({"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n"}, 1024),
        ({}, None),
    ],
)
def test_memory_is_the_machines_and_the_cgroups(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    """A limit above the machine's memory is none; the machine's is rounded, so that a new kernel does not change it."""
    root = tree(tmp_path, {"proc/meminfo": "MemTotal:       24676132 kB\nMemFree: 1 kB\n", **files})

    found = machine.machine(root)

    assert (24064, limit) == (found["memory-mib"], found["memory-limit-mib"])


@pytest.mark.processes
def test_limits_are_those_of_a_process_started_here() -> None:
    """In whole steps where the size follows the memory; what has no limit says so by None."""
    script = "import json; from envsnap.inside.probe import machine; print(json.dumps(machine.machine()['limits']))"
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = subprocess.run(
        ["sh", "-c", f'ulimit -S -n {min(files, 512)}; ulimit -S -l 64; exec "$0" -c "$1"', sys.executable, script],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    shm = os.statvfs("/dev/shm")
    size = shm.f_blocks * shm.f_frsize // 2**20

    assert {
        "shm-mib": size - size % 64 if size > 64 else size,
        "memlock-bytes": 64 * 1024,
        "open-files": min(files, 512),
        "most-open-files": None if most == resource.RLIM_INFINITY else most,
    } == json.loads(low.stdout)


def test_without_a_shared_memory_folder_none_is_told(tmp_path: Path) -> None:
    """As on macOS."""
    limits = machine.machine(str(tmp_path))["limits"]

    assert isinstance(limits, dict)
    assert limits["shm-mib"] is None


def test_nothing_changes_between_two_calls() -> None:
    """Or every freeze would differ from the one before."""
    assert machine.machine() == machine.machine()


@pytest.mark.processes
def test_the_flags_are_those_that_lscpu_shows() -> None:
    """lscpu reads the same processor with other eyes."""
    if shutil.which("lscpu") is None:
        pytest.skip("lscpu is missing")
    shown = subprocess.run(
        ("lscpu",), capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
    ).stdout
    fields = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in shown.splitlines()}
    found = machine.machine()

    assert [name for name in machine.ISA if name in fields.get("Flags", "").split()] == found["isa"]
    assert (fields.get("Model name"), fields.get("Vendor ID")) == (found["model"], found["vendor"])
