"""What a CPU must have for the baseline's numbers: the vector extensions behind the kernels that were chosen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envsnap.manifest.checkup import Check, CheckStatus
from envsnap.manifest.hardware import Hardware
from envsnap.manifest.machine import Machine
from envsnap.manifest.manifest import Contents

_AVX2 = ("avx2", "fma")
_AVX512 = ("avx512f", "avx512bw", "avx512vl")

CORES: Mapping[str, tuple[str, ...]] = {
    "nehalem": ("sse4_2",), "sandybridge": ("avx",), "haswell": _AVX2, "zen": _AVX2, "zen2": _AVX2, "zen3": _AVX2,
    "excavator": _AVX2, "skylakex": _AVX512, "skx": _AVX512, "knl": ("avx512f",),
    "cooperlake": (*_AVX512, "avx512_bf16"), "sapphirerapids": (*_AVX512, "avx512_bf16"),
    "armv8": ("asimd",), "neoversen1": ("asimd",), "neoversev1": ("sve",), "neoversen2": ("sve2",),
}  # fmt: skip
"""OpenBLAS's and BLIS's kernels, and what they run on: https://github.com/OpenMathLib/OpenBLAS (TargetList.txt)."""

FEATURES: Mapping[str, tuple[str, ...]] = {
    "SSE42": ("sse4_2",), "AVX": ("avx",), "F16C": ("f16c",), "FMA3": ("fma",), "AVX2": ("avx2",),
    "AVX512F": ("avx512f",), "AVX512_SKX": _AVX512, "AVX512_CLX": ("avx512_vnni",), "AVX512_ICL": ("avx512_vnni",),
    "AVX512_SPR": ("avx512_fp16",), "X86_V2": ("sse4_2",), "X86_V3": (*_AVX2, "f16c"), "X86_V4": _AVX512,
    "NEON": ("asimd",), "ASIMD": ("asimd",), "ASIMDHP": ("asimdhp",), "ASIMDDP": ("asimddp",), "SVE": ("sve",),
}  # fmt: skip
"""numpy's names: https://numpy.org/doc/stable/reference/simd/build-options.html"""

CAPABILITIES: Mapping[str, tuple[str, ...]] = {"AVX2": _AVX2, "AVX512": _AVX512, "SVE256": ("sve",)}
"""torch's names: torch.backends.cpu.get_cpu_capability()."""

FAR_BELOW = 0.5
STEPS = (("avx",), _AVX2, _AVX512, ("sve",), ("sve2",))
"""Extensions at which the libraries change their kernels for single and double precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """The kernels that one library chose.

    Args:
        label: the library and its name for them.
        flags: what they run on, as /proc/cpuinfo spells it.
        variable: what pins the choice.
        pinned: whether the lock sets that variable.
    """

    label: str
    flags: tuple[str, ...]
    variable: str
    pinned: bool


def check_processor(machine: Machine, contents: Contents) -> Iterator[Check]:
    """Hold this CPU's vector extensions against the kernels that the baseline used."""
    here, locked = machine.hardware.cpu, contents.hardware.cpu
    isa = set(here.isa)
    found, needed = here.model or machine.platform.arch, locked.model or contents.platform.arch
    if not isa:
        yield Check(name="CPU", status="warn", found=found, needed=needed, advice=UNTOLD)
        return
    unable = [flag for name in _numpy_baseline(contents) for flag in FEATURES.get(name, ()) if flag not in isa]
    lost = [kernels for kernels in chosen_kernels(contents) if not isa.issuperset(kernels.flags)]
    forced = [kernels for kernels in lost if kernels.pinned]
    advice = _lost(lost, forced, unable) or _gained(isa, contents) or _other(here.vendor, contents)
    status: CheckStatus = "fail" if unable or forced else "warn" if advice else "ok"
    if not advice:
        advice = _note(isa, set(locked.isa))
    yield Check(name="CPU", status=status, found=found, needed=needed, advice=advice)


UNTOLD = "its vector extensions cannot be told: which kernels the libraries will choose is not known"


def chosen_kernels(contents: Contents) -> tuple[Kernels, ...]:
    """Return the kernels that the baseline is known to have used, each once."""
    numerics, env = contents.numerics, contents.numerics.env
    found = [
        Kernels(
            label=f"{pool.implementation}'s {pool.architecture}",
            flags=CORES.get(pool.architecture.lower(), ()),
            variable="OPENBLAS_CORETYPE" if pool.implementation == "openblas" else "BLIS_ARCH_TYPE",
            pinned="OPENBLAS_CORETYPE" in env and pool.implementation == "openblas",
        )
        for pool in numerics.pools
    ]
    if numerics.torch is not None and numerics.torch.cpu_capability:
        name, variable = numerics.torch.cpu_capability, "ATEN_CPU_CAPABILITY"
        flags = CAPABILITIES.get(name, ())
        found.append(Kernels(label=f"torch's {name}", flags=flags, variable=variable, pinned=variable in env))
    if numerics.numpy is not None:
        variable = "NPY_DISABLE_CPU_FEATURES"
        known = [name for name in numerics.numpy.cpu_found if name in FEATURES]
        flags = tuple(dict.fromkeys(flag for name in known for flag in FEATURES[name]))
        # The variable switches features off: it never forces one that is not there.
        found.append(
            Kernels(label=f"numpy's {known[-1] if known else ''}", flags=flags, variable=variable, pinned=False)
        )
    return tuple(dict.fromkeys(kernels for kernels in found if kernels.flags))


def _numpy_baseline(contents: Contents) -> tuple[str, ...]:
    return contents.numerics.numpy.cpu_baseline if contents.numerics.numpy else ()


def _lost(lost: list[Kernels], forced: list[Kernels], unable: list[str]) -> str:
    if unable:
        return f"numpy was built for CPUs with {', '.join(dict.fromkeys(unable))} and does not start on this one"
    if forced:
        pins = ", ".join(dict.fromkeys(kernels.variable for kernels in forced))
        return f"the lock forces {_labels(forced)} kernels by {pins}, which this CPU cannot run: freeze without it"
    if lost:
        pins = " and ".join(dict.fromkeys(kernels.variable for kernels in lost))
        return (
            f"the baseline used {_labels(lost)} kernels, which this CPU cannot run: the numbers will differ; "
            f"give a tolerance, or freeze again with {pins} set to kernels that both CPUs run"
        )
    return ""


def _labels(kernels: list[Kernels]) -> str:
    return ", ".join(one.label for one in kernels)


def _gained(isa: set[str], contents: Contents) -> str:
    """Say that libraries will choose newer kernels than they did, where nothing pins the choice."""
    locked = set(contents.hardware.cpu.isa)
    newer = [flag for step in STEPS if isa.issuperset(step) and not locked.issuperset(step) for flag in step]
    free = [kernels for kernels in chosen_kernels(contents) if not kernels.pinned]
    if not newer or not free or not locked:
        return ""
    return (
        f"this CPU has {', '.join(dict.fromkeys(newer))} besides: {_labels(free)} kernels may give way to others, and "
        "the numbers differ; give a tolerance, or freeze with "
        f"{' and '.join(dict.fromkeys(kernels.variable for kernels in free))} set"
    )


def _other(vendor: str, contents: Contents) -> str:
    if vendor == contents.hardware.cpu.vendor or all(pool.implementation != "mkl" for pool in contents.numerics.pools):
        return ""
    return f"MKL chooses its kernels by vendor, and {vendor} is another one: the numbers may differ; see MKL_CBWR"


def _note(isa: set[str], locked: set[str]) -> str:
    lacks, extra = sorted(locked - isa), sorted(isa - locked)
    parts = [f"lacks {', '.join(lacks)}, which no kernel on record used"] if lacks else []
    parts += [f"has {', '.join(extra)} besides: another kernel may be chosen"] if extra and locked else []
    return "; ".join(parts)


def check_cores(machine: Machine, contents: Contents) -> Iterator[Check]:
    """Hold the cores that may be used against the threads that the job is given."""
    cores, threads = machine.hardware.cpu.cores, contents.numerics.threads
    advice = (
        f"thread counts stay at {threads}, so the numbers hold, but the job takes longer" if cores < threads else ""
    )
    yield Check(
        name="cores", status="warn" if advice else "ok", found=str(cores), needed=f"{threads} threads", advice=advice
    )


def check_memory(machine: Machine, contents: Contents) -> Iterator[Check]:
    """Warn where far less memory may be used than on the lock's machine; what the job took is not on record."""
    here, locked = usable_memory(machine.hardware), usable_memory(contents.hardware)
    if not here or not locked:
        return
    advice = (
        f"less than {FAR_BELOW:.0%} of the lock's machine: the job may not fit" if here < FAR_BELOW * locked else ""
    )
    found, needed = f"{here / 1024:.1f} GiB", f"{locked / 1024:.1f} GiB (lock's machine)"
    yield Check(name="memory", status="warn" if advice else "ok", found=found, needed=needed, advice=advice)


def usable_memory(hardware: Hardware) -> int:
    """Return the memory that the machine and its cgroup allow, in MiB; 0 where it is not known."""
    return min((size for size in (hardware.memory_mib, hardware.memory_limit_mib) if size), default=0)
