"""CPU, memory and GPUs are described as the machine reports them, or as the probe saw them in a container."""

import msgspec

from envsnap.capture.hardware import ProbedMachine, capture_hardware, this_machine
from envsnap.host.nvml import GpuFacts, NvmlFacts
from envsnap.inside.probe import machine
from envsnap.manifest.hardware import Cpu, Gpu, Hardware

PROBED = ProbedMachine(
    vendor="GenuineIntel", model="Xeon", isa=("avx", "avx2"), cores=2, physical_cores=4, logical_cores=8, quota=1.5,
    numa_nodes=1, memory_mib=24064, memory_limit_mib=700,
)  # fmt: skip


def test_the_machine_is_the_one_that_was_probed() -> None:
    """In a container its limits count, not those of whoever asks."""
    cpu = Cpu(
        vendor="GenuineIntel", model="Xeon", cores=2, isa=("avx", "avx2"), physical_cores=4, logical_cores=8, quota=1.5,
        numa_nodes=1,
    )  # fmt: skip

    assert Hardware(cpu=cpu, memory_mib=24064, memory_limit_mib=700) == capture_hardware(NvmlFacts(), PROBED)


def test_without_a_probe_it_is_this_machine() -> None:
    """The default number of threads and the lock say the same."""
    found = capture_hardware(NvmlFacts())

    assert capture_hardware(NvmlFacts(), this_machine()) == found
    assert machine.usable_cores() == found.cpu.cores


def test_the_probe_says_all_that_is_read_of_it() -> None:
    """Its section is the type's, no more and no less."""
    assert set(ProbedMachine.__struct_encode_fields__) == machine.machine().keys()


def test_gpus_are_those_that_nvml_found() -> None:
    """Every fact of it is kept."""
    told = {
        "name": "H100", "compute_capability": "9.0", "memory_mib": 81559, "mig_profile": "1g.10gb", "ecc": True,
        "compute_mode": "default", "power_limit_watts": 700, "max_sm_mhz": 1980, "max_memory_mhz": 2619,
        "application_sm_mhz": 1755, "application_memory_mhz": 2619, "uuid": "GPU-1",
    }  # fmt: skip
    gpu = msgspec.convert(told, GpuFacts)

    found = capture_hardware(NvmlFacts(gpus=(gpu,)), PROBED).gpus

    assert (told,) == tuple(msgspec.structs.asdict(entry) for entry in found)
    assert set(Gpu.__struct_fields__) == set(GpuFacts.__struct_fields__)
