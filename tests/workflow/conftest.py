"""A small manifest, an environment that answers the probe without a process, and a progress that writes down."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envsnap.environment import Completed, Environment, Execution
from envsnap.errors import OverlayRefusedError
from envsnap.inside.probe.document import MARKER
from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.lockfile import seal
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.workflow.progress import Progress

INTERPRETER = Interpreter(
    implementation="cpython", version="3.11.7", build="main", compiler="GCC", soabi="cpython-311", provenance="system"
)
PLATFORM = Platform(
    system="Linux", arch="x86_64", libc="glibc", libc_version="2.36", distribution="debian 12", kernel="6.1"
)
TOOL = Package(
    name="tool",
    version="1.0",
    wheels=(
        Artefact(
            name="tool-1.0-py3-none-any.whl",
            url="https://index.example/files/tool-1.0-py3-none-any.whl",
            hashes={"sha256": "ab" * 32},
        ),
    ),
    installed=InstalledRecord(
        tags=("py3-none-any",), evidence="index-verified", content_digest="cd" * 32, location="{prefix}/lib"
    ),
)


def probed(**changes: str) -> bytes:
    """Return the probe's answer in an environment that has ``tool`` alone, as locked but for ``changes``."""
    interpreter = {
        "implementation": "cpython", "version": "3.11.7", "build": "main", "compiler": "GCC", "soabi": "cpython-311",
        "executable": "/opt/venv/bin/python", "prefix": "/opt/venv", "base-prefix": "/usr", "conda": False,
    }  # fmt: skip
    tool = {"name": "tool", "version": "1.0", "root": "/opt/venv/lib", "folder": "tool-1.0.dist-info"}
    found = {
        "interpreter": interpreter | {key: value for key, value in changes.items() if key in interpreter},
        "platform": msgspec.to_builtins(PLATFORM),
        "packages": [tool | {"content-digest": changes.get("content_digest", "cd" * 32)}],
        "conda": [],
    }
    return f"\n{MARKER}\n{json.dumps(found)}\n".encode()


class FakeEnvironment:
    """Answers the probe, and runs a job by calling a function; ``executed`` gets each job's execution."""

    name = "fake environment"
    python = "python"

    def __init__(self, executed: list[Execution], act: Callable[[Execution], Completed], answer: bytes) -> None:
        self._executed, self._act, self._answer = executed, act, answer

    def execute(self, execution: Execution) -> Completed:
        """Answer or act."""
        if execution.argv[-1].endswith("probe.py"):
            return Completed(exit_code=0, stdout=self._answer, stderr=b"", seconds=0.1)
        if execution.overlay is not None:
            raise OverlayRefusedError("no kernel to ask")
        self._executed.append(execution)
        return self._act(execution)


class WrittenProgress:
    """Appends what it is told to a list."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def stage(self, text: str) -> None:
        """Note a stage."""
        self._told.append(f"stage: {text}")

    @contextlib.contextmanager
    def running(self, text: str) -> Iterator[None]:
        """Note a stage."""
        self.stage(text)
        yield

    def detail(self, text: str) -> None:
        """Note a line."""
        self._told.append(f"detail: {text}")

    def warn(self, text: str) -> None:
        """Note a warning."""
        self._told.append(f"warning: {text}")

    @contextlib.contextmanager
    def transfer(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Note a stage of bytes."""
        self._told.append(f"transfer: {text} ({total})")
        yield lambda _count: None


def succeed(_execution: Execution) -> Completed:
    """End well and write nothing."""
    return Completed(exit_code=0, stdout=b"", stderr=b"", seconds=1.0)


@pytest.fixture
def told() -> list[str]:
    """What the progress was told."""
    return []


@pytest.fixture
def progress(told: list[str]) -> Progress:
    """A progress that writes into ``told``."""
    return WrittenProgress(told)


@pytest.fixture
def executed() -> list[Execution]:
    """The jobs that fake environments were given."""
    return []


@pytest.fixture
def make_environment(executed: list[Execution]) -> Callable[..., Environment]:
    """Make a fake environment: what a job does there, and what the probe finds changed."""

    def make(act: Callable[[Execution], Completed] = succeed, **changes: str) -> Environment:
        return FakeEnvironment(executed, act, probed(**changes))

    return make


@pytest.fixture
def job() -> Job:
    """A job with one output."""
    return Job(command=("python", "train.py"), outputs=(JobOutput(path="metrics.json", format="json"),))


@pytest.fixture
def make_manifest(job: Job) -> Callable[..., Manifest]:
    """Make a manifest of the one package, with these contents changed."""

    def make(**changes: Any) -> Manifest:
        contents = Contents(
            interpreter=INTERPRETER,
            platform=PLATFORM,
            hardware=Hardware(cpu=Cpu(vendor="v", model="m", cores=1)),
            accelerator=Accelerator(),
            numerics=Numerics(threads=1),
            packages=(TOOL,),
            job=job,
            build=BuildSpec(base_image="python:3.11.7-slim-bookworm"),
        )
        changed = msgspec.structs.replace(contents, **changes)
        return seal(changed, created_by="envsnap 0", created_at="2026-01-02T03:04:05Z")

    return make


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    folder = tmp_path / "My Project"
    folder.mkdir()
    return folder
