"""Describes the processor and the memory, and what affinity and cgroups leave of them.

Nothing here changes between two calls on one machine: no current frequency, no free memory.
"""

from __future__ import annotations

import os
import re

ISA = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "amx_bf16", "amx_int8", "amx_tile", "asimd", "asimdhp", "asimddp", "sve", "sve2",
    "bf16", "i8mm",
)  # fmt: skip
"""Extensions that numpy, OpenBLAS, oneDNN and torch choose kernels by, in /proc/cpuinfo's spelling."""

FIRST_PROCESSOR = 16 * 1024
"""Bytes of /proc/cpuinfo: all of them take long to make on a machine of many processors."""

STEADY_MIB = 64
NO_LIMIT = 2**43
"""A limit above it, such as 2**63 - 4096, is none."""
CPU_FOLDERS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")
MEMORY_FOLDERS = ("memory",)


def machine(root: str = "/") -> dict[str, object]:
    """Describe the machine whose /proc and /sys lie below ``root``; sizes in MiB, a limit that is not set is None."""
    text = _read(root, "proc/cpuinfo", FIRST_PROCESSOR)
    flags = set((_field(text, "flags") or _field(text, "Features")).split())
    memory = _memory_mib(root)
    return {
        "vendor": _field(text, "vendor_id") or _field(text, "CPU implementer"),
        "model": _field(text, "model name") or _field(text, "CPU part"),
        "isa": [name for name in ISA if name in flags],
        "cores": usable_cores(root),
        "physical-cores": _physical_cores(root),
        "logical-cores": os.cpu_count() or 0,
        "quota": cpu_quota(root),
        "numa-nodes": len(_entries(root, "sys/devices/system/node", r"node\d+")),
        "memory-mib": memory - memory % STEADY_MIB,
        "memory-limit-mib": _memory_limit_mib(root, memory),
        "limits": _limits(root),
    }


def _limits(root: str) -> dict[str, int | None]:
    files, most_files = (_resource("RLIMIT_NOFILE", place) for place in (0, 1))
    return {
        "shm-mib": _shm_mib(root),
        "memlock-bytes": _resource("RLIMIT_MEMLOCK", 0),
        "open-files": files,
        "most-open-files": most_files,
    }


def _shm_mib(root: str) -> int | None:
    """Return the size of /dev/shm; it follows the memory, unless somebody set it."""
    try:
        system = os.statvfs(os.path.join(root, "dev/shm"))
    except (AttributeError, OSError):
        return None
    size = system.f_blocks * system.f_frsize // 1024**2
    return size - size % STEADY_MIB if size > STEADY_MIB else size


def _resource(name: str, place: int) -> int | None:
    """Return a limit on one process, the soft (0) or the hard (1) one; None without a limit, or off Unix."""
    try:
        import resource
    except ImportError:
        return None
    number = getattr(resource, name, None)
    limit = resource.RLIM_INFINITY if number is None else resource.getrlimit(number)[place]
    return None if limit == resource.RLIM_INFINITY or limit > NO_LIMIT else limit


def usable_cores(root: str = "/") -> int:
    """Count the processors that this process may keep busy: by its affinity, and by the quota rounded up."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(root)
    return allowed if quota is None else max(1, min(allowed, -int(-quota // 1)))


def cpu_quota(root: str = "/") -> float | None:
    """Return the processors' worth of time that the cgroups allow, None without a limit.

    cgroup v2 has ``cpu.max``, "150000 100000" or "max 100000"; v1 has cpu.cfs_quota_us, -1 for none, and
    cpu.cfs_period_us: https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    found = []
    for folder in _cgroups(root, "cpu", CPU_FOLDERS):
        words = _read(root, folder + "/cpu.max").split() or [
            _read(root, folder + "/cpu.cfs_quota_us").strip(),
            _read(root, folder + "/cpu.cfs_period_us").strip(),
        ]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):  # noqa: PLR2004
            found.append(round(int(words[0]) / int(words[1]), 3))
    return min(found) if found else None


def _memory_mib(root: str) -> int:
    match = re.search(r"^MemTotal:\s*(\d+) kB", _read(root, "proc/meminfo"), re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0


def _memory_limit_mib(root: str, memory: int) -> int | None:
    """Return the lowest limit; v1 writes a number larger than any memory where there is none."""
    found = []
    for folder in _cgroups(root, "memory", MEMORY_FOLDERS):
        text = _read(root, folder + "/memory.max") or _read(root, folder + "/memory.limit_in_bytes")
        if text.strip().isdigit():
            found.append(int(text) // 1024**2)
    lowest = min(found) if found else None
    return None if lowest is None or (memory and lowest >= memory) else lowest


def _cgroups(root: str, controller: str, folders: tuple[str, ...]) -> list[str]:
    """List the folders of this process's cgroup and of all above it: each can set a limit.

    In a container the path can be the host's, which is not there: then the container's own root counts.
    """
    mounts = {
        "": ["sys/fs/cgroup", "sys/fs/cgroup/unified"],
        controller: ["sys/fs/cgroup/" + name for name in folders],
    }
    found = []
    for line in _read(root, "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            places = _ancestors(path)
            found += [mount + place for mount in mounts.get(name, ()) for place in places]
    return found


def _ancestors(path: str) -> list[str]:
    """Return ``/a/b`` as ``/a/b``, ``/a`` and the root, which is empty; a path that leads upwards is the root."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts:
        return [""]
    return ["/" + "/".join(parts[:count]) if count else "" for count in range(len(parts), -1, -1)]


def _physical_cores(root: str) -> int:
    """Count the cores by the processors that share one."""
    cpus = "sys/devices/system/cpu"
    shared = (
        _read(root, cpus + "/" + cpu + "/topology/thread_siblings_list") for cpu in _entries(root, cpus, r"cpu\d+")
    )
    return len({text for text in shared if text})


def _entries(root: str, folder: str, pattern: str) -> list[str]:
    try:
        return [name for name in os.listdir(os.path.join(root, folder)) if re.fullmatch(pattern, name)]
    except OSError:
        return []


def _read(root: str, path: str, limit: int = -1) -> str:
    """Return the text of a file; nothing where it cannot be read."""
    try:
        with open(os.path.join(root, path), "rb", buffering=0) as file:
            return (file.read(limit) or b"").decode("utf-8", "replace")
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    match = re.search(r"^" + re.escape(name) + r"\s*:[ \t]*(.*)$", text, re.MULTILINE)
    return match.group(1).strip() if match else ""
