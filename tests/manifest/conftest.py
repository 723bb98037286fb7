"""Contents with every table filled in, and ways to damage what is written of them."""

from collections.abc import Callable

import pytest
import tomli_w

from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Datum, Job, JobOutput
from envsnap.manifest.lockfile import contents_digest, plain
from envsnap.manifest.manifest import SCHEMA_VERSION, Baseline, BaselineOutput, Conda, CondaPackage, Contents
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.observation import NumpySettings, ThreadPool, TorchSettings
from envsnap.manifest.package import Artefact, InstalledRecord, Package, Vcs
from envsnap.manifest.system import System, SystemPackage
from envsnap.manifest.tolerance import Bounds, Tolerance
from envsnap.manifest.toml import Plain
from envsnap.manifest.working_tree import ChangedFile, Code

SHA = "ab" * 32
CUDNN = AcceleratorLibrary(
    name="libcudnn.so.9",
    version="9.1",
    origin="wheel",
    path="{prefix}/libcudnn.so.9",
    sha256=SHA,
    size=100_000,
    loaded=True,
)
NUMPY = Package(
    name="numpy",
    version="2.1.0",
    wheels=(
        Artefact(
            name="numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
            url="https://index.example/files/numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
            hashes={"sha256": SHA},
            size=16_000_000,
        ),
    ),
    installed=InstalledRecord(
        tags=("cp311-cp311-manylinux_2_17_x86_64",),
        evidence="index-verified",
        content_digest="cd" * 32,
        location="{prefix}/lib/python3.11/site-packages",
        requested=True,
    ),
)
OWN = Package(
    name="own-tools",
    vcs=Vcs(type="git", url="https://git.example/own-tools", commit_id="0" * 40),
    installed=InstalledRecord(
        tags=("py3-none-any",),
        evidence="repacked",
        content_digest="ef" * 32,
        location="{prefix}/lib/python3.11/site-packages",
        version="0.3",
        wheel=Artefact(
            name="own_tools-0.3-py3-none-any.whl",
            path=".envsnap/wheels/own_tools-0.3-py3-none-any.whl",
            hashes={"sha256": "12" * 32},
        ),
    ),
)


@pytest.fixture(scope="session")
def interpreter() -> Interpreter:
    return Interpreter(
        implementation="cpython",
        version="3.11.7",
        build="main, Dec  4 2023",
        compiler="GCC 12.2.0",
        soabi="cpython-311-x86_64-linux-gnu",
        provenance="pyenv",
    )


@pytest.fixture(scope="session")
def job() -> Job:
    tolerances: dict[str, Tolerance] = {"*": "auto", "val/accuracy": Bounds(atol=0.002)}
    return Job(
        command=("python", "train.py"),
        inputs=("data/*.csv",),
        outputs=(JobOutput(path="metrics.jsonl", format="jsonl", tolerance=tolerances),),
        seed=1234,
        timeout_seconds=1800.0,
        env={"TOKENIZERS_PARALLELISM": "false"},
    )


@pytest.fixture(scope="session")
def contents(interpreter: Interpreter, job: Job) -> Contents:
    """Contents in which each table and each optional value is there."""
    return Contents(
        interpreter=interpreter,
        platform=Platform(
            system="Linux",
            arch="x86_64",
            libc="glibc",
            libc_version="2.36",
            distribution="debian 12 bookworm",
            kernel="6.1.0",
        ),
        hardware=Hardware(
            cpu=Cpu(vendor="AuthenticAMD", model="EPYC 7763", cores=16, isa=("avx", "avx2")),
            gpus=(Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559, ecc=True),),
        ),
        accelerator=Accelerator(driver="550.54.15", driver_cuda="12.4", framework_cuda="12.1", libraries=(CUDNN,)),
        numerics=Numerics(
            threads=8,
            env={"OMP_NUM_THREADS": "8"},
            pools=(
                ThreadPool(api="blas", implementation="openblas", version="0.3.27", num_threads=8, path="libob.so"),
            ),
            numpy=NumpySettings(version="2.1.0", cpu_baseline=("SSE",), cpu_found=("AVX2",)),
            torch=TorchSettings(version="2.4.1", deterministic_algorithms=True, cudnn_benchmark=False),
        ),
        packages=(NUMPY, OWN),
        conda=Conda(packages=(CondaPackage(name="libblas", version="3.9.0"),)),
        system=System(packages=(SystemPackage(manager="dpkg", name="libgomp1", version="12.2.0-14", arch="amd64"),)),
        code=Code(vcs="git", commit="f" * 40, dirty=True, changed=(ChangedFile(path="train.py", sha256=SHA),)),
        data=(Datum(path="data/digits.csv", size=1024, sha256=SHA),),
        job=job,
        baseline=Baseline(
            runs=2,
            folder="0123456789abcdef",
            bitwise_repeatable=True,
            observed=True,
            outputs=(BaselineOutput(path="metrics.jsonl", format="jsonl", sha256=(SHA,), size=512),),
        ),
        build=BuildSpec(
            base_image="python:3.11.7-slim-bookworm",
            apt=("libsndfile1",),
            index_url="https://index.example/simple",
            extra_index_urls=("https://extra.example/simple",),
        ),
        not_captured=(UncapturedFact(what="mig profile", reason="the driver does not say"),),
    )


@pytest.fixture(scope="session")
def write_lock() -> Callable[..., str]:
    """Write plain contents as a lock with the digest that fits them, as somebody with a motive would."""

    def write(document: Plain, *, schema: object = SCHEMA_VERSION, digest: str | None = None) -> str:
        snapshot = {
            "created-by": "envsnap 0.1.0",
            "created-at": "2026-01-02T03:04:05Z",
            "digest": digest or contents_digest(document),
        }
        return tomli_w.dumps({"schema-version": schema, "snapshot": snapshot} | document)

    return write


@pytest.fixture
def document(contents: Contents) -> Plain:
    """The same contents as plain tables: a test may change its own copy."""
    return plain(contents)
