"""What a specification is resolved with: real uv, the index on the loopback interface, a probed interpreter."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from package_index import Index, MakeWheel

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.host.index.conda_solver import CondaRecord, solve
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import find_uv
from envsnap.lock.indexes import Indexes
from envsnap.lock.specification.conda import subdir_of, virtual_packages
from envsnap.lock.specification.parsed import CondaSpecification
from envsnap.lock.specification.read import read_specification
from envsnap.lock.specification.resolution import (
    ResolvedSpecification,
    SpecificationTools,
    resolve_specification,
)
from envsnap.lock.specification.specification_file import SpecificationRequest
from envsnap.lock.specification.target import Target

HERE = Path(sys.executable)


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> CapturedEnvironment:
    """This interpreter as the probe sees it."""
    return capture_environment(LocalEnvironment(Path(sys.executable)), tmp_path_factory.mktemp("probe"))


@pytest.fixture
def target(captured: CapturedEnvironment) -> Target:
    """This interpreter as a target."""
    return Target(python=HERE, interpreter=captured.interpreter, platform=captured.platform)


class Resolve(Protocol):
    def __call__(
        self,
        path: Path,
        *,
        extras: tuple[str, ...] = (),
        groups: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        machine: IndexConfig | None = None,
        offline: bool = False,
    ) -> ResolvedSpecification: ...


@dataclass(frozen=True)
class Place:
    """A project folder to write specifications into."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty project."""
    (tmp_path / "project" / ".envsnap").mkdir(parents=True)
    return Place(tmp_path / "project")


@pytest.fixture
def resolve(index: Index, place: Place, captured: CapturedEnvironment, target: Target) -> Resolve:
    """Read and resolve a specification for this interpreter, by default from the index alone."""

    def run(
        path: Path,
        *,
        extras: tuple[str, ...] = (),
        groups: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        machine: IndexConfig | None = None,
        offline: bool = False,
    ) -> ResolvedSpecification:
        def ask(wanted: CondaSpecification) -> tuple[CondaRecord, ...]:
            virtual = virtual_packages(captured.platform, (), "", env or {})
            return solve(wanted.specs, wanted.channels, subdir=subdir_of(captured.platform), virtual=virtual)

        request = SpecificationRequest(path=path, extras=extras, groups=groups)
        wanted, _ = read_specification(request, env or {}, captured.interpreter, captured.platform)
        work = place.folder / ".envsnap"
        tools = SpecificationTools(
            machine=machine or index.config,
            project=place.folder,
            uv=find_uv,
            indexes=None if offline else lambda config: Indexes(config, lambda: find_uv(config).index_urls(HERE, work)),
            conda=ask,
        )
        return resolve_specification(wanted, tools, target)

    return run


@pytest.fixture
def served(index: Index, make_wheel: MakeWheel) -> Index:
    """The index with ``alpha``, which needs ``beta`` everywhere, ``fast`` for an extra and ``winonly`` elsewhere."""
    needs = (
        "Provides-Extra: fast\nRequires-Dist: beta>=1\nRequires-Dist: winonly; sys_platform == 'win32'\n"
        "Requires-Dist: gamma; extra == 'fast'\n"
    )
    make_wheel("alpha", "1.0", folder=index.folder, metadata=needs)
    for name, version in (("beta", "1.0"), ("beta", "2.0"), ("gamma", "1.0"), ("winonly", "1.0")):
        make_wheel(name, version, {f"{name}.py": f"VERSION = {version!r}\n"}, folder=index.folder)
    return index
