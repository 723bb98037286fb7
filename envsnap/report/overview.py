"""What of a lock a reader wants to know first: counted and sorted, for the page that show draws and for its JSON."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.diff.rules import classify
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.hardware import Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Datum, Job
from envsnap.manifest.manifest import Baseline, Contents, Manifest, Profile, Snapshot
from envsnap.manifest.model import Model
from envsnap.manifest.package import Package
from envsnap.manifest.specification import Specification
from envsnap.manifest.working_tree import Code
from envsnap.report.summary import count_evidence

FIRST: Final = ("torch", "tensorflow", "jax", "numpy")
"""The frameworks that are named before the others."""
BUILD: Final = ("envsnap", "build")
FREEZE: Final = ("envsnap", "freeze")
VERIFY: Final = ("envsnap", "verify")


class FrameworkVersion(Model, frozen=True):
    """A package that computes, and that the numbers hang on: those of diff's ``frameworks``."""

    name: str
    version: str


class CudaVersions(Model, frozen=True):
    """The CUDA that a job met; empty: not there.

    Args:
        builds: what each framework was compiled for, such as ``CUDA 12.4 of torch``.
        cudnn: the version that was loaded, else the one that a framework was compiled for.
        driver: of the GPUs.
        driver_cuda: the newest CUDA that the driver serves.
    """

    builds: tuple[str, ...] = ()
    cudnn: str = ""
    driver: str = ""
    driver_cuda: str = ""


class PackageTotals(Model, frozen=True):
    """The packages in numbers.

    Args:
        count: Python's.
        evidence: how many there are of each evidence.
        unbuildable: those that have no artefact, with their version.
        conda: how many conda owns.
        own: the project's own code, installed editable, with its version.
    """

    count: int
    evidence: dict[str, int]
    unbuildable: tuple[str, ...] = ()
    conda: int = 0
    own: tuple[str, ...] = ()


class InputTotals(Model, frozen=True):
    """The inputs in numbers; ``size`` in bytes."""

    count: int
    size: int
    paths: tuple[str, ...]


class JobOverview(Model, frozen=True):
    """A job or a profile of it, with what it read and gave; ``name`` is the profile's.

    Args:
        name: of the profile; "" for the lock's own job.
        job: as it was run; None where the environment alone is locked.
        inputs: what it reads.
        baseline: what it gave; None where it was not run.
    """

    name: str
    job: Job | None
    inputs: InputTotals
    baseline: Baseline | None


class RankedFinding(Model, frozen=True):
    """A finding, and whether it can move numbers."""

    kind: str
    subject: str
    detail: str
    moves_numbers: bool


class Overview(Model, frozen=True):
    """What a lock pins, and what a reader should know of it.

    Args:
        lock: the file, as it was named.
        snapshot: who wrote it, when, and its digest.
        schema_version: of the file.
        interpreter: as locked; so are the four that follow.
        platform: the operating system.
        hardware: CPU and GPUs.
        specification: what the packages were resolved from, if from anything.
        code: the working tree; None where no version control tells.
        cuda: the CUDA that the job met.
        packages: in numbers.
        frameworks: the packages that the numbers hang on.
        job: the lock's own.
        profiles: the others, by name.
        findings: of all jobs; those that can move numbers first, and of these one of each kind first.
        not_captured: what could not be captured.
        next: the command to run now.
        advice: what it does, where that is not plain; else empty.
    """

    lock: str
    snapshot: Snapshot
    schema_version: str
    interpreter: Interpreter
    platform: Platform
    hardware: Hardware
    specification: Specification | None
    code: Code | None
    cuda: CudaVersions
    packages: PackageTotals
    frameworks: tuple[FrameworkVersion, ...]
    job: JobOverview
    profiles: tuple[JobOverview, ...]
    findings: tuple[RankedFinding, ...]
    not_captured: tuple[UncapturedFact, ...]
    next: str
    advice: str


def describe_lock(manifest: Manifest, lock: str, named_by: Iterable[str] = ()) -> Overview:
    """Gather what is worth knowing; ``named_by`` are the arguments that name this lock to another command."""
    contents = manifest.contents
    profiles = contents.profiles or {}
    command, advice = _advise(contents)
    return Overview(
        lock=lock,
        snapshot=manifest.snapshot,
        schema_version=manifest.schema_version,
        interpreter=contents.interpreter,
        platform=contents.platform,
        hardware=contents.hardware,
        specification=contents.specification,
        code=contents.code,
        cuda=_describe_cuda(contents.accelerator),
        packages=_count_packages(contents),
        frameworks=tuple(sorted(_frameworks(contents), key=_rank)),
        job=_describe_job("", contents),
        profiles=tuple(_describe_job(name, profile) for name, profile in sorted(profiles.items())),
        findings=tuple(_in_order({*contents.findings, *(one for held in profiles.values() for one in held.findings)})),
        not_captured=contents.not_captured,
        next=shlex.join((*command, *(named_by if command != FREEZE else ()))),
        advice=advice,
    )


def _describe_job(name: str, given: Contents | Profile) -> JobOverview:
    job = given.job if given.job is not None and given.job.command else None
    return JobOverview(name=name, job=job, inputs=_total(given.data), baseline=given.baseline)


def _total(data: tuple[Datum, ...]) -> InputTotals:
    return InputTotals(
        count=len(data), size=sum(datum.size for datum in data), paths=tuple(datum.path for datum in data)
    )


def _count_packages(contents: Contents) -> PackageTotals:
    packages = contents.packages
    return PackageTotals(
        count=len(packages),
        evidence=count_evidence(packages),
        unbuildable=tuple(_label(package) for package in packages if _is_lost(package)),
        conda=len(contents.conda.packages) if contents.conda is not None else 0,
        own=tuple(_label(package) for package in packages if package.is_own_code),
    )


def _is_lost(package: Package) -> bool:
    """Whether build refuses it."""
    return package.wheel is None and not package.is_own_code


def _label(package: Package) -> str:
    return f"{package.name} {package.installed_version}"


def _frameworks(contents: Contents) -> Iterator[FrameworkVersion]:
    """Yield each framework once: what conda brought stands under both."""
    conda = contents.conda.packages if contents.conda is not None else ()
    found = {record.name: record.version for record in conda if _computes("conda", "packages", record.name)}
    found |= {one.name: one.installed_version for one in contents.packages if _computes("packages", one.name)}
    yield from (FrameworkVersion(name=name, version=version) for name, version in found.items())


def _computes(*package: str) -> bool:
    return classify((*package, "version"))[0] == "framework"


def _rank(framework: FrameworkVersion) -> tuple[int, str]:
    name = framework.name
    return FIRST.index(name) if name in FIRST else len(FIRST), name


def _describe_cuda(found: Accelerator) -> CudaVersions:
    """Take what a job can have met: a toolkit that lies about, or a library that nothing loads, is left out."""
    builds = tuple(
        f"{api} {version} of {build.name}"
        for build in found.frameworks
        for api, version in (("CUDA", build.cuda), ("ROCm", build.rocm))
        if version
    )
    loaded = (one.version for one in found.libraries if one.loaded and one.name.startswith("libcudnn.so"))
    compiled = (build.cudnn for build in found.frameworks)
    return CudaVersions(
        builds=builds or ((f"CUDA {found.framework_cuda} of torch",) if found.framework_cuda else ()),
        cudnn=next(filter(None, (*loaded, *compiled)), ""),
        driver=found.driver,
        driver_cuda=found.driver_cuda,
    )


def _in_order(findings: Iterable[Finding]) -> Iterator[RankedFinding]:
    """Rank them: the first of each kind, then the second of each, so that many of one kind hide no other."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings):
        kinds[finding.kind].append(finding)
    ranked = [(not _moves(one), place, one) for members in kinds.values() for place, one in enumerate(members)]
    for harmless, _, one in sorted(ranked):
        yield RankedFinding(kind=one.kind, subject=one.subject, detail=one.detail, moves_numbers=not harmless)


def _moves(finding: Finding) -> bool:
    return classify(("findings", finding.kind, finding.subject))[1]


def _advise(contents: Contents) -> tuple[tuple[str, ...], str]:
    """Return the command that comes next, and what to know of it."""
    if contents.specification is not None and contents.conda is not None and contents.conda.packages:
        return FREEZE, "conda must install these: build refuses them"
    if any(map(_is_lost, contents.packages)):
        return FREEZE, "build refuses what cannot be rebuilt"
    if contents.baseline is not None:
        return VERIFY, ""
    if contents.profiles:
        return (*VERIFY, "--profile", min(contents.profiles)), "the job itself has no baseline"
    return _advise_baseline(contents)


def _advise_baseline(contents: Contents) -> tuple[tuple[str, ...], str]:
    if contents.job is None or not contents.job.command:
        return BUILD, "no job is locked, so there is nothing to verify"
    if contents.specification is not None:
        return (*BUILD, "--target", "venv"), "then freeze --prefix .envsnap/venv"
    return FREEZE, "without --no-run: there is no baseline yet"
