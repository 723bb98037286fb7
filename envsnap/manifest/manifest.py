"""The Manifest: everything captured, one immutable value."""

from typing import Annotated

import msgspec

from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.accepted import Accepted
from envsnap.manifest.build_spec import BuildSpec
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.hardware import Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Datum, Job, ProfileName, RelativePath
from envsnap.manifest.model import Model, Sha256
from envsnap.manifest.numerics import LoadedCode, Numerics
from envsnap.manifest.outcome import OutputFormat
from envsnap.manifest.package import Package
from envsnap.manifest.specification import Specification
from envsnap.manifest.system import System
from envsnap.manifest.working_tree import Code

SCHEMA_VERSION = "1.4"


class Snapshot(Model, frozen=True):
    """Who wrote the manifest, and when.

    Args:
        created_by: name and version of the program.
        created_at: time in UTC.
        digest: SHA-256 over everything but this table.
    """

    created_by: str
    created_at: str
    digest: Sha256


class BaselineOutput(Model, frozen=True):
    """One recorded output.

    Args:
        path: in the project.
        format: how it is read.
        sha256: the digest of each repetition; one alone where all are the same.
        size: in bytes.
    """

    path: RelativePath
    format: OutputFormat
    sha256: Annotated[tuple[Sha256, ...], msgspec.Meta(min_length=1)]
    size: int


class Baseline(Model, frozen=True):
    """The recorded Outcomes.

    Args:
        runs: how many repetitions were recorded.
        folder: where they lie in ``envsnap.baseline/``, named by their content.
        bitwise_repeatable: whether every repetition wrote the same bytes.
        observed: whether the observer reported from inside the job.
        outputs: one for each declared output.
        made_folders: folders of outputs that were not there before the runs: the job makes them itself.
        injection: the version of what the runs were given, :data:`envsnap.run.injection.VERSION`; 1 before schema 1.3.
        recorded: whether the outputs were taken as they stood in the project, without a run.
        accepted: who took over other numbers since the freeze, and why, the last one last; absent where nobody did.
    """

    runs: Annotated[int, msgspec.Meta(ge=1)]
    folder: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    bitwise_repeatable: bool
    observed: bool
    outputs: tuple[BaselineOutput, ...]
    made_folders: tuple[RelativePath, ...] = ()
    injection: Annotated[int, msgspec.Meta(ge=1)] = 1
    recorded: bool = False
    accepted: tuple[Accepted, ...] | None = None


class Profile(Model, frozen=True):
    """Another job of the same environment and code, with a baseline of its own: a shorter one, for every day.

    Args:
        job: as run.
        baseline: its recorded outcomes.
        numerics: what moved its numbers beside code, data and packages.
        data: its inputs.
        findings: those of its freeze.
    """

    job: Job
    baseline: Baseline
    numerics: Numerics
    data: tuple[Datum, ...] = ()
    findings: tuple[Finding, ...] = ()


class CondaPackage(Model, frozen=True):
    """A record of conda-meta: https://docs.conda.io/projects/conda/en/stable/dev-guide/specs/.

    Args:
        name: of the package.
        version: of the package.
        build: the build string.
        channel: where it came from.
        subdir: the channel's platform.
        url: of the archive.
        sha256: of the archive.
        md5: of the archive; conda-lock's format wants it beside the SHA-256.
        size: of the archive, in bytes.
        depends: what it needs, as conda's match specifications.
        overwritten_by: what took the place of its files after conda installed them, as ``pip: numpy==2.0``.
    """

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    subdir: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    size: int = 0
    depends: tuple[str, ...] | None = None
    overwritten_by: str | None = None


class Conda(Model, frozen=True):
    """What conda brought.

    Args:
        packages: those that it owns.
    """

    packages: tuple[CondaPackage, ...] = ()


class Contents(Model, frozen=True):
    """Everything in a manifest that its digest covers.

    Args:
        interpreter: the Python that ran the job.
        platform: the operating system under it.
        hardware: CPU and GPUs.
        accelerator: CUDA, as driver, toolkit and framework have it.
        numerics: what moves numbers beside code, data and packages.
        packages: every installed package.
        conda: packages that conda owns; absent outside of a conda environment.
        system: packages of the distribution; absent where none was asked for.
        loaded: what the job had really loaded; absent where it was not observed.
        code: the working tree; absent where it is under no version control.
        data: the inputs.
        job: the job as run; absent where none was declared.
        baseline: the recorded outcomes; absent where the job was not run.
        profiles: other jobs, by the name of their ``[job.profiles.NAME]``; absent where none was frozen.
        build: wishes for the rebuilt container.
        specification: what the packages were resolved from; absent where they were found installed.
        findings: what can move numbers or looks wrong, sorted.
        not_captured: what could not be captured.
    """

    interpreter: Interpreter
    platform: Platform
    hardware: Hardware
    accelerator: Accelerator
    numerics: Numerics
    packages: tuple[Package, ...]
    conda: Conda | None = None
    system: System | None = None
    loaded: LoadedCode | None = None
    code: Code | None = None
    data: tuple[Datum, ...] = ()
    job: Job | None = None
    baseline: Baseline | None = None
    profiles: dict[ProfileName, Profile] | None = None
    build: BuildSpec = BuildSpec()
    specification: Specification | None = None
    findings: tuple[Finding, ...] = ()
    not_captured: tuple[UncapturedFact, ...] = ()

    @property
    def each_job(self) -> "tuple[Contents, ...]":
        """The contents as each job has them: the lock's own first."""
        return (self, *(self.of_profile(name) for name in self.profiles or {}))

    def of_profile(self, name: str) -> "Contents":
        """Return the contents with a profile's job, inputs and results in the place of the lock's own."""
        profile = (self.profiles or {})[name]
        return msgspec.structs.replace(
            self,
            job=profile.job,
            data=profile.data,
            baseline=profile.baseline,
            numerics=profile.numerics,
            findings=tuple(sorted({*self.findings, *profile.findings})),
        )


class Manifest(Model, frozen=True):
    """A manifest: ``contents`` under its snapshot.

    Args:
        snapshot: who wrote it, when, and the digest of the contents.
        contents: everything captured; in the file its tables stand at the top.
        schema_version: of the file's format.
    """

    snapshot: Snapshot
    contents: Contents
    schema_version: str = SCHEMA_VERSION
