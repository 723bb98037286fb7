"""A CPU that cannot run the baseline's kernels, or will choose others, is named with what to do about it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from envsnap.checkup.processor import check_cores, check_memory, check_processor
from envsnap.manifest.checkup import Check
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.machine import Machine
from envsnap.manifest.manifest import Contents
from envsnap.manifest.observation import NumpySettings, ThreadPool, TorchSettings

Make = Callable[..., Machine]
AVX2 = ("sse4_2", "avx", "avx2", "fma", "f16c")
AVX512 = (*AVX2, "avx512f", "avx512bw", "avx512vl")


def cpu(*isa: str, cores: int = 2, vendor: str = "GenuineIntel") -> Cpu:
    """Return a CPU with these extensions."""
    return Cpu(vendor=vendor, model="Xeon", cores=cores, isa=isa)


def numerics(contents: Contents, **changes: Any) -> Contents:
    """Return the lock of a baseline on AVX-512 with these numerics."""
    return msgspec.structs.replace(
        contents,
        hardware=Hardware(cpu=cpu(*AVX512)),
        numerics=msgspec.structs.replace(contents.numerics, **({"pools": (), "numpy": None} | changes)),
    )


def ask(machine: Machine, contents: Contents) -> Check:
    """Return the check of the CPU."""
    (check,) = check_processor(machine, contents)
    return check


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"pools": (ThreadPool(api="blas", implementation="openblas", architecture="SkylakeX"),)}, "OPENBLAS_CORETYPE"),
        ({"pools": (ThreadPool(api="blas", implementation="blis", architecture="skx"),)}, "BLIS_ARCH_TYPE"),
        ({"torch": TorchSettings(version="2.4", cpu_capability="AVX512")}, "ATEN_CPU_CAPABILITY"),
        ({"numpy": NumpySettings(version="2", cpu_found=("AVX2", "AVX512_SKX"))}, "NPY_DISABLE_CPU_FEATURES"),
    ],
)
def test_kernels_that_this_cpu_cannot_run_are_named(
    make_machine: Make, contents: Contents, changes: dict[str, object], named: str
) -> None:
    """With the variable that would make both CPUs choose the same."""
    check = ask(make_machine(cpu=cpu(*AVX2)), numerics(contents, **changes))

    assert "warn" == check.status
    assert "the numbers will differ" in check.advice
    assert named in check.advice


def test_kernels_that_the_lock_forces_fail(make_machine: Make, contents: Contents) -> None:
    """verify sets the variable again, and the library does as it is told."""
    pools = (ThreadPool(api="blas", implementation="openblas", architecture="SkylakeX"),)
    lock = numerics(contents, pools=pools, env={"OPENBLAS_CORETYPE": "SkylakeX"})

    check = ask(make_machine(cpu=cpu(*AVX2)), lock)

    assert "fail" == check.status
    assert "forces openblas's SkylakeX kernels by OPENBLAS_CORETYPE" in check.advice


def test_build_of_numpy_that_does_not_start_fails(make_machine: Make, contents: Contents) -> None:
    """numpy refuses a CPU below its baseline."""
    lock = numerics(contents, numpy=NumpySettings(version="2.4", cpu_baseline=("X86_V3",)))

    check = ask(make_machine(cpu=cpu("sse4_2", "avx")), lock)

    assert "fail" == check.status
    assert "avx2, fma, f16c" in check.advice


def test_flags_that_no_kernel_used_are_a_note(make_machine: Make, contents: Contents) -> None:
    """A baseline on AVX2 kernels does not miss AVX-512."""
    pools = (ThreadPool(api="blas", implementation="openblas", architecture="Haswell"),)

    check = ask(make_machine(cpu=cpu(*AVX2)), numerics(contents, pools=pools))

    assert "ok" == check.status
    assert "lacks avx512bw, avx512f, avx512vl, which no kernel on record used" == check.advice


def test_newer_kernels_may_be_chosen_unless_they_are_pinned(make_machine: Make, contents: Contents) -> None:
    """The lock is of AVX2, this CPU has AVX-512."""
    pools = (ThreadPool(api="blas", implementation="openblas", architecture="Haswell"),)
    free = msgspec.structs.replace(numerics(contents, pools=pools), hardware=Hardware(cpu=cpu(*AVX2)))
    pinned = msgspec.structs.replace(
        free, numerics=msgspec.structs.replace(free.numerics, env={"OPENBLAS_CORETYPE": "Haswell"})
    )
    machine = make_machine(cpu=cpu(*AVX512))

    assert ("warn", "ok") == (ask(machine, free).status, ask(machine, pinned).status)
    assert "this CPU has avx512f, avx512bw, avx512vl besides" in ask(machine, free).advice
    assert "freeze with OPENBLAS_CORETYPE set" in ask(machine, free).advice


def test_mkl_looks_at_the_vendor(make_machine: Make, contents: Contents) -> None:
    """The same extensions of another maker give other kernels."""
    lock = numerics(contents, pools=(ThreadPool(api="blas", implementation="mkl"),))

    check = ask(make_machine(cpu=cpu(*AVX512, vendor="AuthenticAMD")), lock)

    assert "warn" == check.status
    assert "MKL_CBWR" in check.advice


def test_cpu_that_does_not_say_is_no_pass(make_machine: Make, contents: Contents) -> None:
    """No extension is known: nothing was compared."""
    assert "warn" == ask(make_machine(cpu=cpu()), contents).status


@pytest.mark.parametrize(("cores", "status"), [(1, "warn"), (2, "ok"), (64, "ok")])
def test_fewer_cores_than_threads_take_longer(make_machine: Make, contents: Contents, cores: int, status: str) -> None:
    """Thread counts are locked, so the numbers hold."""
    (check,) = check_cores(make_machine(cpu=cpu(*AVX2, cores=cores)), contents)

    assert (status, str(cores), "2 threads") == (check.status, check.found, check.needed)


def test_memory_far_below_the_lock_s_machine_warns(make_machine: Make, contents: Contents) -> None:
    """Half of it is not far below; a cgroup's limit counts; what is not on record is not compared."""
    limited = msgspec.structs.replace(contents.hardware, memory_limit_mib=4096)
    forgotten = msgspec.structs.replace(contents, hardware=Hardware(cpu=cpu()))

    assert ["ok"] == [check.status for check in check_memory(make_machine(memory_mib=8192), contents)]
    assert ["warn"] == [check.status for check in check_memory(make_machine(hardware=limited), contents)]
    assert [] == list(check_memory(make_machine(), forgotten))
