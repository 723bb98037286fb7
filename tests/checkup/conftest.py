"""A lock and a machine that fits it; tests change one thing and see one check change."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Job
from envsnap.manifest.machine import ContainerEngine, DiskSpace, Inventory, Machine
from envsnap.manifest.manifest import Baseline, BaselineOutput, Contents
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.observation import NumpySettings, ThreadPool
from envsnap.manifest.package import Artefact, InstalledRecord, Package

GIB = 1024**3
AVX2 = ("sse4_2", "avx", "avx2", "fma", "f16c")
H100 = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559)


def package(name: str, version: str, *tags: str, size: int = 100 * 1024**2) -> Package:
    """Return a package whose wheel an index serves."""
    file = f"{name}-{version}-{tags[0]}.whl"
    wheel = Artefact(name=file, url=f"https://index.example/{file}", hashes={"sha256": "ab" * 32}, size=size)
    record = InstalledRecord(tags=tags, evidence="index-verified", content_digest="cd" * 32, location="{prefix}/lib")
    return Package(name=name, version=version, wheels=(wheel,), installed=record)


@pytest.fixture
def contents() -> Contents:
    """A job of numpy and torch on two threads of a CPU with AVX2 and no GPU."""
    return Contents(
        interpreter=Interpreter(
            implementation="cpython", version="3.11.7", build="", compiler="", soabi="cpython-311", provenance="uv"
        ),
        platform=Platform(
            system="Linux", arch="x86_64", libc="glibc", libc_version="2.36", distribution="debian 12", kernel="6.1"
        ),
        hardware=Hardware(cpu=Cpu(vendor="GenuineIntel", model="Xeon", cores=2, isa=AVX2), memory_mib=16384),
        accelerator=Accelerator(),
        numerics=Numerics(
            threads=2,
            pools=(ThreadPool(api="blas", implementation="openblas", architecture="Haswell"),),
            numpy=NumpySettings(version="2.1.0", cpu_baseline=("SSE42",), cpu_found=("AVX2", "FMA3")),
        ),
        packages=(
            package("numpy", "2.1.0", "cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux_2_17_x86_64"),
            package("torch", "2.4.1", "cp311-cp311-manylinux_2_28_x86_64"),
        ),
        job=Job(command=("python", "train.py")),
        baseline=Baseline(
            runs=1,
            folder="0123456789abcdef",
            bitwise_repeatable=True,
            observed=True,
            outputs=(BaselineOutput(path="m.json", format="json", sha256=("ab" * 32,), size=10),),
        ),
        build=BuildSpec(base_image="python:3.11.7-slim-bookworm"),
    )


@pytest.fixture
def gpu_contents(contents: Contents) -> Contents:
    """The same on an H100 under CUDA 12.4."""
    return msgspec.structs.replace(
        contents,
        hardware=msgspec.structs.replace(contents.hardware, gpus=(H100,)),
        accelerator=Accelerator(driver="550.54.15", driver_cuda="12.4", framework_cuda="12.4"),
    )


@pytest.fixture
def make_machine(contents: Contents) -> Callable[..., Machine]:
    """Make a machine that is the lock's own, with these facts changed; ``gpus`` and ``cpu`` change its hardware."""

    def make(**changes: Any) -> Machine:
        parts = {name: changes.pop(name) for name in ("cpu", "gpus", "memory_mib") if name in changes}
        machine = Machine(
            platform=contents.platform,
            hardware=msgspec.structs.replace(contents.hardware, **parts),
            engine=ContainerEngine(address="unix:///engine.sock", version="27.1", api="1.46", arch="x86_64"),
            uv="0.9.1",
            git="/usr/bin/git",
            rooms=(DiskSpace(purpose="engine", path="/images", device=1, free=100 * GIB),),
        )
        return replace(machine, **changes)

    return make


@pytest.fixture
def inventory() -> Inventory:
    """The base image and an interpreter are there."""
    return Inventory(interpreter="/usr/bin/python3.11", base_image=True)
