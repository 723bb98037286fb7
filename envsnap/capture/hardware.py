"""CPU and GPUs of this machine."""

import os
import re
from pathlib import Path

from envsnap.host.nvml import NvmlFacts
from envsnap.manifest.hardware import Cpu, Gpu, Hardware

ISA = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "amx_bf16", "amx_int8", "amx_tile", "asimd", "asimdhp", "asimddp", "sve", "sve2",
    "bf16", "i8mm",
)  # fmt: skip
"""Extensions that numpy, OpenBLAS, oneDNN and torch choose kernels by, in /proc/cpuinfo's spelling."""


def capture_hardware(nvml: NvmlFacts, cpuinfo: Path = Path("/proc/cpuinfo")) -> Hardware:
    """Describe the CPU as /proc/cpuinfo has it, and the GPUs that NVML found."""
    gpus = tuple(
        Gpu(
            name=gpu.name,
            compute_capability=gpu.compute_capability,
            memory_mib=gpu.memory_mib,
            mig_profile=gpu.mig_profile,
            ecc=gpu.ecc,
        )
        for gpu in nvml.gpus
    )
    return Hardware(cpu=_cpu(cpuinfo), gpus=gpus)


def usable_cores() -> int:
    """Count the logical processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def _cpu(cpuinfo: Path) -> Cpu:
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    flags = set((_field(text, "flags") or _field(text, "Features")).split())
    return Cpu(
        vendor=_field(text, "vendor_id") or _field(text, "CPU implementer"),
        model=_field(text, "model name") or _field(text, "CPU part"),
        cores=usable_cores(),
        isa=tuple(name for name in ISA if name in flags),
    )


def _field(text: str, name: str) -> str:
    match = re.search(rf"^{re.escape(name)}\s*:[ \t]*(.*)$", text, re.MULTILINE)
    return match.group(1).strip() if match else ""
