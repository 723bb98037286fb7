"""Manifests to render, and golden files to hold the text against."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.hardware import Cpu, Gpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Job
from envsnap.manifest.lockfile import seal
from envsnap.manifest.manifest import Conda, CondaPackage, Contents, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.package import Artefact, Evidence, InstalledRecord, Package, Vcs

GOLDEN = Path(__file__).parent.parent / "golden"
BASE = "python:3.11.7-slim-bookworm"
MIB = 2**20


def package(name: str, version: str, evidence: Evidence, wheel: Artefact) -> Package:
    record = InstalledRecord(tags=("py3-none-any",), evidence=evidence, content_digest="c0" * 32, location="{prefix}")
    return Package(name=name, version=version, wheels=(wheel,), installed=record)


def served(name: str, version: str, size: int, digest: str) -> Package:
    file = f"{name}-{version}-py3-none-any.whl"
    url = f"https://index.example/files/{file}"
    wheel = Artefact(name=file, url=url, hashes={"sha256": digest * 32}, size=size)
    return package(name, version, "index-verified", wheel)


def kept(name: str, version: str, size: int, digest: str) -> Artefact:
    file = f"{name}-{version}-py3-none-any.whl"
    return Artefact(name=file, path=f".envsnap/wheels/{file}", hashes={"sha256": digest * 32}, size=size)


TREE = Package(
    name="own-tools",
    vcs=Vcs(type="git", url="https://git.example/own-tools", commit_id="0" * 40),
    installed=InstalledRecord(
        tags=("py3-none-any",),
        evidence="repacked",
        content_digest="c0" * 32,
        location="{prefix}",
        version="0.3",
        wheel=kept("own_tools", "0.3", 4096, "1d"),
    ),
)
DIRECT = package(
    "extra",
    "1.1+cu121",
    "direct-url",
    Artefact(
        name="extra-1.1+cu121-py3-none-any.whl",
        url="https://files.example/extra-1.1%2Bcu121-py3-none-any.whl",
        hashes={"sha256": "1e" * 32},
    ),
)
SMALL = (served("tqdm", "4.66.5", 78_000, "1a"), served("numpy", "2.1.0", 16 * MIB, "1b"))
LARGE = (
    served("torch", "2.4.1", 800 * MIB, "1c"),
    package("mkl", "2024.2", "local-file", kept("mkl", "2024.2", 90 * MIB, "1f")),
)
NOTHING = Package(
    name="lost",
    version="0.1",
    installed=InstalledRecord(tags=(), evidence="none", content_digest="", location="", reason="no index serves it"),
)
GPU = Gpu(name="NVIDIA H100", compute_capability="9.0", memory_mib=81559)
INDEXES = BuildSpec(
    base_image=BASE,
    index_url="https://index.example/simple",
    extra_index_urls=("https://extra.example/cu121", "https://more.example/simple"),
)


def record(name: str, version: str, build: str, digest: str, **facts: Any) -> CondaPackage:
    """A record of conda-meta."""
    subdir = "noarch" if facts.pop("noarch", False) else "linux-64"
    channel = facts.pop("channel", "https://conda.example/forge")
    url = f"{channel}/{subdir}/{name}-{version}-{build}.conda"
    hashes = {"sha256": digest * 32, "md5": digest * 16}
    given = {"name": name, "version": version, "build": build, "channel": channel, "subdir": subdir, "url": url}
    return CondaPackage(**given | hashes | {"size": 1000} | facts)


CONDA = (
    record("numpy", "2.1.0", "py311h_0", "2a", depends=("libblas >=3.9,<4.0a0", "python >=3.11,<3.12.0a0")),
    record("python", "3.11.7", "h_1_cpython", "2b", depends=("__glibc >=2.17", "libblas", "tzdata")),
    record("tzdata", "2025a", "h_0", "2c", noarch=True),
    record("libblas", "3.9.0", "20_mkl", "2d", channel="https://conda.example/main"),
)
CONDAS_NUMPY = Package(
    name="numpy",
    version="2.1.0",
    installed=InstalledRecord(
        tags=("cp311-cp311-linux_x86_64",),
        evidence="none",
        content_digest="c1" * 32,
        location="{prefix}",
        owner="conda",
        reason="conda owns it; the conda record pins it",
    ),
)


def manifest_of(
    packages: tuple[Package, ...],
    *,
    gpus: tuple[Gpu, ...] = (),
    build: BuildSpec | None = None,
    conda: tuple[CondaPackage, ...] = (),
) -> Manifest:
    """Seal the contents of a Debian machine with these packages."""
    contents = Contents(
        interpreter=Interpreter(
            implementation="cpython",
            version="3.11.7",
            build="main, Dec  4 2023",
            compiler="GCC 12.2.0",
            soabi="cpython-311-x86_64-linux-gnu",
            provenance="system",
        ),
        platform=Platform(
            system="Linux",
            arch="x86_64",
            libc="glibc",
            libc_version="2.36",
            distribution="debian 12 bookworm",
            kernel="6.1",
        ),
        hardware=Hardware(cpu=Cpu(vendor="AuthenticAMD", model="EPYC 7763", cores=16), gpus=gpus),
        accelerator=Accelerator(),
        numerics=Numerics(threads=8),
        packages=packages,
        conda=Conda(packages=conda) if conda else None,
        job=Job(command=("python", "train.py"), seed=1234),
        build=build or BuildSpec(base_image=BASE),
    )
    return seal(contents, created_by="envsnap 0.1.0", created_at="2026-01-02T03:04:05Z")


CASES = {
    "small": manifest_of(SMALL),
    "heavy": manifest_of((*SMALL, *LARGE), gpus=(GPU,)),
    "apt": manifest_of(SMALL, build=BuildSpec(base_image=BASE, apt=("libsndfile1", "ffmpeg=7:5.1.6-0+deb12u1"))),
    "sources": manifest_of((*SMALL, DIRECT, TREE)),
    "indexes": manifest_of(SMALL, build=INDEXES),
    "everything": manifest_of(
        (*SMALL, *LARGE, DIRECT, TREE, NOTHING),
        gpus=(GPU,),
        build=BuildSpec(
            base_image=BASE,
            apt=("libsndfile1",),
            index_url=INDEXES.index_url,
            extra_index_urls=INDEXES.extra_index_urls,
        ),
    ),
    "empty": manifest_of(()),
}


EXPORTS = {
    "small": CASES["small"],
    "everything": CASES["everything"],
    "conda": manifest_of((CONDAS_NUMPY,), conda=CONDA),
    "mixed": manifest_of((CONDAS_NUMPY, SMALL[0], DIRECT, TREE), conda=CONDA),
}
"""Manifests to export; each format has a golden file of each that it can hold."""


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, Manifest]:
    """Each manifest with its name."""
    return request.param, CASES[request.param]


@pytest.fixture(scope="session")
def manifests() -> dict[str, Manifest]:
    """All manifests by name."""
    return CASES


@pytest.fixture(scope="session")
def exports() -> dict[str, Manifest]:
    """Manifests to export, by name."""
    return EXPORTS


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    """Return the golden text at a path; with ENVSNAP_GOLDEN=write, write the given one there before."""

    def read(path: str, text: str) -> str:
        file = GOLDEN / path
        if os.environ.get("ENVSNAP_GOLDEN") == "write":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return file.read_text(encoding="utf-8")

    return read
