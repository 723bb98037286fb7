"""The Manifest: everything captured, one immutable value."""

from typing import Annotated

import msgspec

from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.facts import (
    Accelerator,
    Code,
    Datum,
    Hardware,
    Interpreter,
    NotCaptured,
    Numerics,
    Platform,
    System,
)
from envsnap.manifest.job import Job
from envsnap.manifest.model import Model
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.package import Package

SCHEMA_VERSION = "1.0"
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]

RelativePath = Annotated[str, msgspec.Meta(pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f]+$")]
"""A path that stays inside the folder it is joined to."""


class Snapshot(Model, frozen=True):
    """Who wrote the manifest and when (UTC); ``digest`` covers everything but this table."""

    created_by: str
    created_at: str
    digest: Sha256


class BaselineOutput(Model, frozen=True):
    """One recorded output; ``runs`` holds the digest of each repetition, one alone where all are the same."""

    path: RelativePath
    format: OutputFormat
    sha256: Annotated[tuple[Sha256, ...], msgspec.Meta(min_length=1)]
    size: int


class Baseline(Model, frozen=True):
    """The recorded Outcomes. ``folder`` lies in envsnap.baseline/ and is named by its content."""

    runs: Annotated[int, msgspec.Meta(ge=1)]
    folder: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    bitwise_repeatable: bool
    observed: bool
    outputs: tuple[BaselineOutput, ...]


class CondaPackage(Model, frozen=True):
    """A record of conda-meta: https://docs.conda.io/projects/conda/en/stable/dev-guide/specs/."""

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    subdir: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    size: int = 0


class Conda(Model, frozen=True):
    """Packages that conda owns."""

    packages: tuple[CondaPackage, ...] = ()


class Contents(Model, frozen=True):
    """Everything in a manifest that its digest covers."""

    interpreter: Interpreter
    platform: Platform
    hardware: Hardware
    accelerator: Accelerator
    numerics: Numerics
    packages: tuple[Package, ...]
    conda: Conda | None = None
    system: System | None = None
    code: Code | None = None
    data: tuple[Datum, ...] = ()
    job: Job | None = None
    baseline: Baseline | None = None
    build: BuildSpec = BuildSpec()
    not_captured: tuple[NotCaptured, ...] = ()


class Manifest(Model, frozen=True):
    """A manifest: ``contents`` under its snapshot."""

    snapshot: Snapshot
    contents: Contents
    schema_version: str = SCHEMA_VERSION
