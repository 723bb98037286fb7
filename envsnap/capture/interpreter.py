"""The interpreter that was probed: what it is and where it came from."""

from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from envsnap.manifest.finding import UncapturedFact
from envsnap.manifest.interpreter import BuildDetails, EnvironmentKind, Interpreter, Provenance, PythonVersion
from envsnap.manifest.model import Model

AbsolutePath = Annotated[str, msgspec.Meta(pattern=r"^/[^\x00]*\Z", max_length=4096)]
"""The answer is untrusted: what is opened and compared later is an absolute path that the system can be given."""


class ProbedBuildDetails(BuildDetails, frozen=True):
    """What build-details.json says; ``problem`` tells why it could not be read."""

    problem: str = ""


class ProbedInterpreter(Model, frozen=True):
    """The probe's section ``interpreter``: paths are those of the environment."""

    implementation: str
    version: Annotated[PythonVersion, msgspec.Meta(max_length=32)]
    build: str
    compiler: str
    soabi: str
    executable: AbsolutePath
    prefix: AbsolutePath
    base_prefix: AbsolutePath
    conda: bool
    environment: EnvironmentKind = "unknown"
    system_site_packages: bool = False
    debug: bool = False
    free_threaded: bool = False
    gil_enabled: bool = True
    optimizations: tuple[str, ...] = ()
    shared_library: bool | None = None
    pyenv: bool = False
    standalone: bool = False
    container: bool = False
    build_details: ProbedBuildDetails | None = None


def describe_interpreter(probed: ProbedInterpreter) -> Interpreter:
    """Return what the manifest records of it."""
    shared = [name for name in Interpreter.__struct_fields__ if name not in {"provenance", "build_details"}]
    return Interpreter(
        provenance=provenance(probed),
        build_details=_build_details(probed.build_details),
        **{name: getattr(probed, name) for name in shared},
    )


def interpreter_problems(probed: ProbedInterpreter) -> tuple[UncapturedFact, ...]:
    """Return what could not be captured of it."""
    problem = probed.build_details.problem if probed.build_details else ""
    return (UncapturedFact(what="build-details.json of the interpreter", reason=problem),) if problem else ()


def _build_details(probed: ProbedBuildDetails | None) -> BuildDetails | None:
    if probed is None or probed.problem:
        return None
    return BuildDetails(**{name: getattr(probed, name) for name in BuildDetails.__struct_fields__})


def provenance(probed: ProbedInterpreter) -> Provenance:
    """Tell where an interpreter came from, by the marks that its builder left, else by its folder."""
    parts = PurePosixPath(probed.base_prefix).parts
    if probed.conda:
        return "conda"
    if probed.pyenv or ".pyenv" in parts:
        return "pyenv"
    if probed.standalone or ("uv", "python") in pairwise(parts):
        return "uv"
    if probed.base_prefix == "/usr":
        return "system"
    if probed.base_prefix == "/usr/local":
        return "image" if probed.container else "local"
    return "unknown"
