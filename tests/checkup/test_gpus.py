"""GPUs, driver and engine are held against what the baseline ran on; what cannot run fails, what differs warns."""

from collections.abc import Callable

import msgspec
import pytest

from envsnap.checkup import examine, survey
from envsnap.manifest.accelerator import Accelerator, FrameworkBuild
from envsnap.manifest.checkup import Check
from envsnap.manifest.hardware import Gpu
from envsnap.manifest.machine import ContainerEngine, Inventory, Machine
from envsnap.manifest.manifest import Contents

Make = Callable[..., Machine]
H100 = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559)
B200 = Gpu(name="NVIDIA B200", compute_capability="10.0", memory_mib=183359)
L4 = Gpu(name="NVIDIA L4", compute_capability="8.9", memory_mib=23034)
SLICE = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559, mig_profile="1g.10gb")
ENGINE = ContainerEngine(address="unix:///engine.sock", version="27.1", gpu_support=("runtime nvidia",))


def gpu_machine(make_machine: Make, *gpus: Gpu, driver: str = "550.54.15", engine: ContainerEngine = ENGINE) -> Machine:
    """Return a machine with these GPUs."""
    return make_machine(gpus=gpus, driver=driver, engine=engine)


def by_name(machine: Machine, contents: Contents) -> dict[str, Check]:
    """Return all checks."""
    return {check.name: check for check in examine(machine, contents, Inventory(base_image=True), None)}


def test_the_same_gpu_is_ok(make_machine: Make, gpu_contents: Contents) -> None:
    """With the same driver, and an engine that hands GPUs on."""
    checks = by_name(gpu_machine(make_machine, H100), gpu_contents)

    assert ("ok", "1 x NVIDIA H100 (80 GiB)") == (checks["GPU"].status, checks["GPU"].found)
    assert ("ok", "CUDA 12.4: 525.60.13 or newer") == (checks["GPU driver"].status, checks["GPU driver"].needed)
    assert ("ok", "runtime nvidia") == (checks["GPUs in containers"].status, checks["GPUs in containers"].found)


@pytest.mark.parametrize(
    ("gpus", "status", "said"),
    [
        ((), "fail", 'gpus = "none"'),
        ((L4,), "warn", "another GPU chooses other kernels"),
        ((L4,), "warn", "less memory than the baseline's 80 GiB"),
        ((SLICE,), "warn", "another MIG slice"),
        ((B200,), "fail", "compute capability 10.0: that needs torch 2.7.0 and CUDA 12.8"),
        ((msgspec.structs.replace(H100, compute_mode="prohibited"),), "fail", "nvidia-smi -c 0"),
        ((H100, L4), "ok", ""),
    ],
)
def test_another_gpu_is_named(
    make_machine: Make, gpu_contents: Contents, gpus: tuple[Gpu, ...], status: str, said: str
) -> None:
    """None, another model, a slice, one without kernels, one that is closed; a further one does no harm."""
    check = by_name(gpu_machine(make_machine, *gpus), gpu_contents)["GPU"]

    assert status == check.status
    assert said in check.advice


def test_hopper_needs_a_framework_of_its_time(make_machine: Make, gpu_contents: Contents) -> None:
    """An sm_90 under CUDA 11.7 has no kernels."""
    old = msgspec.structs.replace(gpu_contents, accelerator=Accelerator(framework_cuda="11.7"))

    assert "torch 2.0.1 and CUDA 11.8" in by_name(gpu_machine(make_machine, H100), old)["GPU"].advice


def test_fewer_gpus_than_the_job_asks_for_fail(make_machine: Make, gpu_contents: Contents) -> None:
    """Fewer than the baseline had only warn, where the job takes all there are."""
    job, two = gpu_contents.job, msgspec.structs.replace(gpu_contents.hardware, gpus=(H100, H100))
    assert job is not None
    taking_all = msgspec.structs.replace(gpu_contents, hardware=two)
    taking_two = msgspec.structs.replace(taking_all, job=msgspec.structs.replace(job, gpus=2))
    machine = gpu_machine(make_machine, H100)

    assert ("warn", "fail") == tuple(by_name(machine, lock)["GPU"].status for lock in (taking_all, taking_two))
    assert "asks for 2 GPUs, and here are 1" in by_name(machine, taking_two)["GPU"].advice


@pytest.mark.parametrize(
    ("driver", "status", "said"),
    [
        ("525.60.12", "fail", "update the driver"),
        ("525.60.13", "warn", "older than CUDA 12.4 itself (550.54.14)"),
        ("550.54.14", "ok", ""),
        ("580.65", "ok", ""),
        ("weird", "warn", "does not know"),
    ],
)
def test_driver_is_held_against_the_framework_s_cuda(
    make_machine: Make, gpu_contents: Contents, driver: str, status: str, said: str
) -> None:
    """Below the floor of minor-version compatibility nothing starts; below the toolkit's own driver most does."""
    check = by_name(gpu_machine(make_machine, H100, driver=driver), gpu_contents)["GPU driver"]

    assert (status, driver) == (check.status, check.found)
    assert said in check.advice


def test_newest_cuda_of_all_frameworks_counts(make_machine: Make, gpu_contents: Contents) -> None:
    """Two frameworks in one environment; one of them tells the major version alone."""
    builds = (FrameworkBuild(name="torch", cuda="12.4"), FrameworkBuild(name="jax", cuda="13"))
    both = msgspec.structs.replace(gpu_contents, accelerator=Accelerator(framework_cuda="12.4", frameworks=builds))

    check = by_name(gpu_machine(make_machine, H100), both)["GPU driver"]

    assert ("fail", "CUDA 13: 580 or newer") == (check.status, check.needed)


def test_unknown_cuda_is_said_to_be_unknown(make_machine: Make, gpu_contents: Contents) -> None:
    """No pass that was not earned."""
    future = msgspec.structs.replace(gpu_contents, accelerator=Accelerator(framework_cuda="99.1"))

    assert "warn" == by_name(gpu_machine(make_machine, H100), future)["GPU driver"].status


@pytest.mark.parametrize(
    ("engine", "status"),
    [
        (ContainerEngine(address="a", version="27"), "fail"),
        (ContainerEngine(address="tcp://far.example", version="27", local=False), "warn"),
        (ContainerEngine(address="a", version="27", gpu_support=("CDI nvidia.com/gpu",)), "warn"),
        (ContainerEngine(address="a", version="5", podman=True, gpu_support=("CDI nvidia.com/gpu",)), "ok"),
    ],
)
def test_engine_must_hand_gpus_on(
    make_machine: Make, gpu_contents: Contents, engine: ContainerEngine, status: str
) -> None:
    """A local one that cannot is a failure, a remote one that does not say a doubt."""
    assert status == by_name(gpu_machine(make_machine, H100, engine=engine), gpu_contents)["GPUs in containers"].status


def test_interpreter_makes_up_for_an_engine_without_gpus(make_machine: Make, gpu_contents: Contents) -> None:
    """A virtual environment sees this machine's GPUs by itself, unless an image is insisted on."""
    machine = gpu_machine(make_machine, H100, engine=ContainerEngine(address="a", version="27"))
    here = Inventory(base_image=True, interpreter="/usr/bin/python3.11")
    either, image = (examine(machine, gpu_contents, here, target) for target in (None, "docker"))

    assert ["warn"] == [check.status for check in either if check.name == "GPUs in containers"]
    assert ["fail"] == [check.status for check in image if check.name == "GPUs in containers"]


def test_job_without_gpus_asks_for_nothing(make_machine: Make, gpu_contents: Contents, contents: Contents) -> None:
    """Neither where it says so, nor where the baseline's machine had none."""
    job = gpu_contents.job
    assert job is not None
    refusing = msgspec.structs.replace(gpu_contents, job=job.without_gpus())

    for lock in (refusing, contents):
        checks = by_name(make_machine(), lock)
        assert ("ok", "none", "none") == (checks["GPU"].status, checks["GPU"].found, checks["GPU"].needed)
        assert not {"GPU driver", "GPUs in containers"} & set(checks)


def test_driver_that_fails_is_told(make_machine: Make, gpu_contents: Contents) -> None:
    """It fails a job on GPUs, whatever was seen before it failed, and is a warning to everybody else."""
    problem = "the GPU driver did not answer within 10 s"
    machine = make_machine(gpus=(H100,), gpu_problem=problem)
    without = next(check for check in survey(machine, None) if check.name == "GPU")

    assert ("fail", problem) == (
        by_name(machine, gpu_contents)["GPU"].status,
        by_name(machine, gpu_contents)["GPU"].found,
    )
    assert ("warn", problem) == (without.status, without.found)
