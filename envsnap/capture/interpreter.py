"""The interpreter that was probed: what it is and where it came from."""

from pathlib import PurePosixPath
from typing import Annotated

import msgspec

from envsnap.manifest.interpreter import Interpreter, Provenance
from envsnap.manifest.model import Model


class ProbedInterpreter(Model, frozen=True):
    """The probe's section ``interpreter``: paths are those of the environment."""

    implementation: str
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+")]
    build: str
    compiler: str
    soabi: str
    executable: str
    prefix: str
    base_prefix: str
    conda: bool
    venv: bool
    uv: bool
    path: tuple[str, ...]


def describe_interpreter(probed: ProbedInterpreter) -> Interpreter:
    """Return what the manifest records of it."""
    return Interpreter(
        implementation=probed.implementation,
        version=probed.version,
        build=probed.build,
        compiler=probed.compiler,
        soabi=probed.soabi,
        provenance=provenance(probed.base_prefix, conda=probed.conda),
    )


def provenance(base_prefix: str, *, conda: bool) -> Provenance:
    """Tell from its folder where an interpreter came from."""
    parts = PurePosixPath(base_prefix).parts
    if conda:
        return "conda"
    if ".pyenv" in parts or "pyenv" in parts:
        return "pyenv"
    if "uv" in parts:
        return "uv"
    return {"/usr": "system", "/usr/local": "local"}.get(base_prefix, "unknown")  # type: ignore[return-value]
