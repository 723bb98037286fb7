"""What a job on GPUs needs: GPUs like the baseline's, a driver for its CUDA, an engine that hands them on."""

from collections.abc import Iterator

from envsnap.checkup.rebuild import image_status
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.checkup import Check, CheckStatus
from envsnap.manifest.cuda_driver import oldest_driver, parse_driver, toolkit_driver
from envsnap.manifest.hardware import Gpu, describe_gpus
from envsnap.manifest.machine import Inventory, Machine
from envsnap.manifest.manifest import Contents
from envsnap.manifest.versions import parse_version

FRAMEWORK_FLOORS = (((10, 0), "2.7.0", "12.8"), ((9, 0), "2.0.1", "11.8"))
"""From this compute capability on, the first torch and CUDA with kernels for it: the notes of these releases,
https://github.com/pytorch/pytorch/releases"""


def wants_gpus(contents: Contents) -> bool:
    """Whether a rerun asks for GPUs: the job wants some, and the baseline's machine had some."""
    return bool(contents.hardware.gpus) and contents.job is not None and contents.job.gpus not in ("none", 0)


def check_gpus(machine: Machine, contents: Contents | None) -> Iterator[Check]:
    """Hold the GPUs here against those of the lock."""
    here = machine.hardware.gpus
    found = machine.gpu_problem or describe_gpus(here)
    if contents is None or not wants_gpus(contents):
        yield _spare_gpus(machine, contents, found)
        return
    needed = describe_gpus(contents.hardware.gpus)
    if not here or machine.gpu_problem:
        advice = CANNOT_ASK if machine.gpu_problem else NO_GPU
        yield Check(name="GPU", status="fail", found=found, needed=needed, advice=advice)
        return
    problems, changes = tuple(_unable(here, contents)), tuple(_unlike(here, contents.hardware.gpus))
    status: CheckStatus = "fail" if problems else "warn" if changes else "ok"
    advice = "; ".join((*problems, *changes))
    yield Check(name="GPU", status=status, found=found, needed=needed, advice=advice)


CANNOT_ASK = "the driver must answer before a job can use a GPU: see nvidia-smi"
NO_GPU = (
    'the baseline ran on GPUs: use a machine that has them; a job that needs none says gpus = "none" in envsnap.toml'
)


def _spare_gpus(machine: Machine, contents: Contents | None, found: str) -> Check:
    needed = "" if contents is None else "none"
    if machine.gpu_problem:
        advice = "no GPU can be used until the driver answers: see nvidia-smi"
        return Check(name="GPU", status="warn", found=found, needed=needed, advice=advice)
    return Check(name="GPU", status="ok", found=found, needed=needed)


def _unable(here: tuple[Gpu, ...], contents: Contents) -> Iterator[str]:
    """Say why the job cannot run on these GPUs."""
    asked = contents.job.gpus if contents.job else "none"
    if isinstance(asked, int) and len(here) < asked:
        yield f"the job asks for {asked} GPUs, and here are {len(here)}"
    if any(gpu.compute_mode == "prohibited" for gpu in here):
        yield "a GPU is in compute mode 'prohibited', in which no program can use it: nvidia-smi -c 0 sets it back"
    torch = next((package.installed_version for package in contents.packages if package.name == "torch"), "")
    yield from dict.fromkeys(
        text for gpu in here if torch for text in _unserved(gpu, torch, contents.accelerator.framework_cuda)
    )


def _unserved(gpu: Gpu, torch: str, cuda: str) -> Iterator[str]:
    capability = parse_version(gpu.compute_capability)
    floor = next((row for row in FRAMEWORK_FLOORS if capability >= row[0]), None)
    if floor is None or not cuda:
        return
    _, first_torch, first_cuda = floor
    if parse_version(torch) < parse_version(first_torch) or parse_version(cuda) < parse_version(first_cuda):
        yield (
            f"torch {torch} for CUDA {cuda} has no kernels for compute capability {gpu.compute_capability}: "
            f"that needs torch {first_torch} and CUDA {first_cuda}, or an older GPU"
        )


def _unlike(here: tuple[Gpu, ...], locked: tuple[Gpu, ...]) -> Iterator[str]:
    """Say how these GPUs differ from the locked ones in what moves numbers or can end a job."""
    if len(here) < len(locked):
        yield f"the baseline had {len(locked)} GPUs: with fewer, sums are taken in another order"
    used = here[: len(locked)]
    if {gpu.name for gpu in used} - {gpu.name for gpu in locked}:
        yield "another GPU chooses other kernels: the numbers may differ, give a tolerance"
    elif {gpu.mig_profile for gpu in used} != {gpu.mig_profile for gpu in locked}:
        yield "another MIG slice has other multiprocessors: the numbers may differ"
    least = min((gpu.memory_mib for gpu in locked if gpu.memory_mib), default=0)
    if any(0 < gpu.memory_mib < least for gpu in used):
        yield f"less memory than the baseline's {least / 1024:.0f} GiB: the job may not fit"


def check_driver(machine: Machine, contents: Contents) -> Iterator[Check]:
    """Hold the driver here against the newest CUDA that a framework was compiled for."""
    cuda = newest_cuda(contents.accelerator)
    floor, release = oldest_driver(cuda), toolkit_driver(cuda)
    here = parse_driver(machine.driver)
    if not wants_gpus(contents) or not cuda or (not machine.driver and not machine.hardware.gpus):
        return
    needed = f"CUDA {cuda}: {_spell(floor)} or newer" if floor else f"CUDA {cuda}"
    found = machine.driver or "not told"
    if floor is None or here is None:
        unknown = "envsnap does not know which driver that is: see NVIDIA's CUDA compatibility table"
        yield Check(name="GPU driver", status="warn", found=found, needed=needed, advice=unknown)
    elif here < floor:
        advice = f"CUDA {cuda} does not start on it: update the driver"
        yield Check(name="GPU driver", status="fail", found=found, needed=needed, advice=advice)
    elif release is not None and here < release:
        advice = f"it is older than CUDA {cuda} itself ({_spell(release)}): programs run, but nothing compiled from PTX"
        yield Check(name="GPU driver", status="warn", found=found, needed=needed, advice=advice)
    else:
        yield Check(name="GPU driver", status="ok", found=found, needed=needed)


def _spell(driver: tuple[int, ...]) -> str:
    """Write a driver's version as NVIDIA does: its third number has two digits."""
    return ".".join((*map(str, driver[:2]), *(f"{part:02}" for part in driver[2:])))


def newest_cuda(accelerator: Accelerator) -> str:
    """Return the newest CUDA that a framework was compiled for, ``12.4`` or only ``12``; empty where none was."""
    told = (accelerator.framework_cuda, *(framework.cuda for framework in accelerator.frameworks))
    return max(told, key=parse_version)


def check_gpu_runtime(
    machine: Machine, contents: Contents, inventory: Inventory, target: BuildTarget | None
) -> Iterator[Check]:
    """Say whether the engine can hand GPUs to a container, where the job wants some."""
    engine = machine.engine
    if engine is None or target == "venv" or not wants_gpus(contents):
        return
    name, needed = "GPUs in containers", "NVIDIA Container Toolkit"
    if engine.gpu_support:
        found = ", ".join(engine.gpu_support)
        doubtful = not engine.podman and all(way.startswith("CDI") for way in engine.gpu_support)
        advice = "Docker serves --gpus from CDI alone in its newest versions only: try it" if doubtful else ""
        yield Check(name=name, status="warn" if doubtful else "ok", found=found, needed=needed, advice=advice)
    elif engine.local:
        advice = "install the NVIDIA Container Toolkit and restart the engine, or rerun with --target venv"
        yield Check(name=name, status=image_status(inventory, target), found="none", needed=needed, advice=advice)
    else:
        advice = f"the engine at {engine.address} does not say: try docker run --gpus all there"
        yield Check(name=name, status="warn", found="unknown", needed=needed, advice=advice)
