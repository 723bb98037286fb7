"""CPU, memory and GPUs are described as the machine reports them, or as the probe saw them in a container."""

from envsnap.capture.hardware import NvmlFacts, ProbedMachine, capture_hardware, this_machine
from envsnap.inside.probe import machine
from envsnap.manifest.hardware import Cpu, Hardware, Limits

PROBED = ProbedMachine(
    vendor="GenuineIntel", model="Xeon", isa=("avx", "avx2"), cores=2, physical_cores=4, logical_cores=8, quota=1.5,
    numa_nodes=1, memory_mib=24064, memory_limit_mib=700, limits=Limits(shm_mib=64),
)  # fmt: skip


def test_the_machine_is_the_one_that_was_probed() -> None:
    """In a container its limits count, not those of whoever asks."""
    cpu = Cpu(
        vendor="GenuineIntel", model="Xeon", cores=2, isa=("avx", "avx2"), physical_cores=4, logical_cores=8, quota=1.5,
        numa_nodes=1,
    )  # fmt: skip

    assert Hardware(cpu=cpu, memory_mib=24064, memory_limit_mib=700, limits=Limits(shm_mib=64)) == capture_hardware(
        NvmlFacts(), PROBED
    )


def test_without_a_probe_it_is_this_machine() -> None:
    """The default number of threads and the lock say the same."""
    found = capture_hardware(NvmlFacts())

    assert capture_hardware(NvmlFacts(), this_machine()) == found
    assert machine.usable_cores() == found.cpu.cores


def test_the_probe_says_all_that_is_read_of_it() -> None:
    """Its section is the type's, no more and no less."""
    assert set(ProbedMachine.__struct_encode_fields__) == machine.machine().keys()
