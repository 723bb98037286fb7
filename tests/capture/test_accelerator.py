"""The CUDA versions that can disagree are each taken from their own source."""

import pytest
from installed_package import make_installed

from envsnap.capture.accelerator import (
    describe_accelerator,
    describe_frameworks,
)
from envsnap.capture.hardware import NvmlFacts
from envsnap.manifest.accelerator import Accelerator, FrameworkBuild
from envsnap.manifest.installed import InstalledPackage


def installed(name: str, version: str) -> InstalledPackage:
    """Return a package."""
    return make_installed(name, version, location="{prefix}")


def test_four_versions_from_four_sources() -> None:
    """Driver, what it serves, the toolkit's and the framework's."""
    torch = FrameworkBuild(name="torch", version="2.0.0", cuda="11.8")
    facts = NvmlFacts(driver="550.54.14", driver_cuda="12.4")

    expected = Accelerator(
        driver="550.54.14", driver_cuda="12.4", toolkit="12.1", framework_cuda="11.8", frameworks=(torch,)
    )

    assert expected == describe_accelerator(facts, Accelerator(toolkit="12.1", frameworks=(torch,)), (), ())


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("cupy-cuda12x", "13.3.0", ("cupy", "13.3.0", "12", "", "")),
        ("cupy-cuda112", "10.6.0", ("cupy", "10.6.0", "11.2", "", "")),
        ("cupy-rocm-5-0", "12.0.0", ("cupy", "12.0.0", "", "", "5.0")),
        ("jax-cuda12-plugin", "0.4.38", ("jax", "0.4.38", "12", "", "")),
        ("jax-cuda13-plugin", "0.8.0", ("jax", "0.8.0", "13", "", "")),
        ("jax-rocm60-plugin", "0.5.0", ("jax", "0.5.0", "", "", "6.0")),
        ("jaxlib", "0.4.13+cuda12.cudnn89", ("jax", "0.4.13+cuda12.cudnn89", "12", "8.9", "")),
        ("jaxlib", "0.3.25+cuda11.cudnn805", ("jax", "0.3.25+cuda11.cudnn805", "11", "8.0.5", "")),
        ("jaxlib", "0.4.38", ("jax", "0.4.38", "", "", "")),
    ],
)
def test_some_frameworks_name_their_cuda_in_a_distributions_name(
    name: str, version: str, expected: tuple[str, ...]
) -> None:
    """Without a version of its minor, where the name has none."""
    build = FrameworkBuild(**dict(zip(("name", "version", "cuda", "cudnn", "rocm"), expected, strict=True)))

    assert (build,) == describe_frameworks((), [installed(name, version), installed("numpy", "2.0")])


def test_a_plugin_tells_more_than_jaxlib() -> None:
    """jaxlib is there too."""
    found = describe_frameworks((), [installed("jaxlib", "0.4.38"), installed("jax-cuda12-plugin", "0.4.38")])

    assert [("jax", "12")] == [(build.name, build.cuda) for build in found]


def test_tensorflows_version_is_its_distributions() -> None:
    """Its table does not hold it; the order is that of the names."""
    probed = (FrameworkBuild(name="torch", version="2.0"), FrameworkBuild(name="tensorflow", cuda="12.5.1"))

    found = describe_frameworks(probed, [installed("tensorflow-cpu", "2.18.0")])

    assert [("tensorflow", "2.18.0", "12.5.1"), ("torch", "2.0", "")] == [
        (build.name, build.version, build.cuda) for build in found
    ]
