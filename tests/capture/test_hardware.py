"""CPU, GPUs, CUDA and numerics settings are described as the machine and the job report them."""

from pathlib import Path

import pytest

from envsnap.capture.hardware import capture_hardware, usable_cores
from envsnap.host.nvml import GpuFacts, NvmlFacts
from envsnap.manifest.hardware import Gpu


@pytest.mark.parametrize(
    ("text", "vendor", "model", "isa"),
    [
        (
            "vendor_id\t: GenuineIntel\nmodel\t\t: 106\nmodel name\t: Xeon\nflags\t\t: fpu avx avx2 fma\n",
            "GenuineIntel", "Xeon", ("avx", "avx2", "fma"),
        ),
        ("processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n", "0x41", "0xd40",
         ("asimd", "sve")),
        ("", "", "", ()),
    ],
)  # fmt: skip
def test_cpus_of_both_architectures(tmp_path: Path, text: str, vendor: str, model: str, isa: tuple[str, ...]) -> None:
    """Arm spells the same facts otherwise; ``model`` is not ``model name``."""
    (tmp_path / "cpuinfo").write_text(text)

    cpu = capture_hardware(NvmlFacts(), tmp_path / "cpuinfo").cpu

    assert (vendor, model, isa, usable_cores()) == (cpu.vendor, cpu.model, cpu.isa, cpu.cores)


def test_gpus_are_those_that_nvml_found(tmp_path: Path) -> None:
    """A machine without /proc/cpuinfo still has them."""
    facts = GpuFacts(name="H100", compute_capability="9.0", memory_mib=81559, mig_profile="1g.10gb", ecc=True)

    expected = Gpu(name="H100", compute_capability="9.0", memory_mib=81559, mig_profile="1g.10gb", ecc=True)

    assert (expected,) == capture_hardware(NvmlFacts(gpus=(facts,)), tmp_path / "gone").gpus
