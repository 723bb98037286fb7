"""Says in a few lines what a freeze or a build came to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from envsnap.manifest.finding import Finding
from envsnap.manifest.manifest import Baseline, Contents, Manifest
from envsnap.manifest.package import Package
from envsnap.manifest.phrases import plural
from envsnap.manifest.specification import Specification
from envsnap.report.printable import printable

MEANING = {
    "index-verified": "proven by the index's own RECORD",
    "direct-url": "installed from a URL, with its hash",
    "index-inferred": "by name, version and tags; contents not compared",
    "local-file": "wheels on this machine, kept in .envsnap/wheels",
    "repacked": "made again from the installed files, kept in .envsnap/wheels",
    "working-tree": "the project's own code, installed editable: it comes with the working tree",
    "none": "without an artefact: they cannot be rebuilt",
}
RESOLVED = {
    "index-verified": "content read from RECORD inside the index's wheel",
    "index-inferred": "by the wheel's hash; RECORD was not read, a rebuilt one is compared by version",
    "repacked": "built from a source folder, kept in .envsnap/wheels",
}
"""What an evidence means where nothing was installed yet."""


def render_frozen(manifest: Manifest, path: str, seconds: Sequence[float], profile: str | None = None) -> str:
    """Describe a written lock; ``seconds`` are those of the runs of the job, or of its profile, that was frozen."""
    contents = manifest.contents
    lines = [f"{path}  {manifest.snapshot.digest[:12]}", _environment(contents)]
    if contents.specification is not None:
        lines.append(_source(contents.specification, contents))
    meaning = evidence_meaning(contents.specification)
    lines += [f"  {count:4} {name}: {meaning[name]}" for name, count in count_evidence(contents.packages).items()]
    if contents.conda is not None and contents.specification is not None:
        lines.append(f"  {len(contents.conda.packages):4} conda: by the channel's hash")
    if contents.data:
        lines.append(f"inputs: {len(contents.data)}, {sum(datum.size for datum in contents.data):,} bytes")
    if contents.baseline is not None or not contents.profiles:
        lines.append(f"baseline: {_baseline(contents.baseline, () if profile else seconds)}")
    for name in contents.profiles or {}:
        recorded = contents.of_profile(name).baseline
        lines.append(f"profile {name}: {_baseline(recorded, seconds if name == profile else ())}")
    return "\n".join(lines) + "\n" + render_findings(contents.findings)


def evidence_meaning(specification: Specification | None) -> dict[str, str]:
    """Say what each evidence means; ``specification`` is what the packages were resolved from, if from anything."""
    return MEANING if specification is None else MEANING | RESOLVED


def count_evidence(packages: Iterable[Package]) -> dict[str, int]:
    """Count the packages of each evidence, the surest first; none of which there is no package."""
    counts: Counter[str] = Counter(package.installed.evidence for package in packages)
    return {name: counts[name] for name in MEANING if counts[name]}


def describe_runs(baseline: Baseline | None) -> str:
    """Say how a baseline came to be, and whether its runs are the same."""
    if baseline is None:
        return "none; the job was not run"
    if baseline.recorded:
        return "as they stood in the project: nothing was run, and nobody saw what wrote them"
    if baseline.runs == 1:
        return "one run: whether the job repeats itself is not known"
    same = "the same bit for bit" if baseline.bitwise_repeatable else "which differ among themselves"
    return f"{baseline.runs} runs, {same}"


def _source(specification: Specification, contents: Contents) -> str:
    chosen = [f"extra {name}" for name in specification.extras] + [f"group {name}" for name in specification.groups]
    asked = sum(package.installed.requested for package in contents.packages)
    how = ", ".join((specification.format, *chosen))
    return (
        f"from {specification.path} ({how}), sha256 {specification.sha256[:12]}: "
        f"{asked} asked for, {len(contents.packages) - asked} that they need"
    )


def render_built(kind: str, reference: str, packages: int, unread: int = 0) -> str:
    """Describe what was built; ``unread`` packages had no content digest to compare."""
    if kind == "context":
        return f"rendered into {reference}; nothing was built\n"
    what = "image" if kind == "docker" else "virtual environment"
    alone = f"; {unread} of them by version and the wheel's hash alone" if unread else ""
    equal = f"interpreter and {plural(packages, 'package')}, by version and RECORD{alone}"
    return f"{what} {reference}\nequal to the lock: {equal}\n"


def _environment(contents: Contents) -> str:
    python, gpus = contents.interpreter, contents.hardware.gpus
    machine = f"{len(gpus)} x {gpus[0].name}" if gpus else "no GPU"
    cuda = contents.accelerator.framework_cuda
    return (
        f"Python {python.version}, {plural(len(contents.packages), 'package')}, {contents.platform.distribution}, "
        f"{contents.hardware.cpu.model or contents.platform.arch}, {machine}{f', CUDA {cuda}' if cuda else ''}"
    )


def _baseline(baseline: Baseline | None, seconds: Sequence[float]) -> str:
    runs = describe_runs(baseline)
    if baseline is None:
        return runs
    names = ", ".join(output.path for output in baseline.outputs) or "no outputs"
    times = ", ".join(f"{value:.1f} s" for value in seconds) if not baseline.recorded else ""
    return f"{names}; {runs}{f' ({times})' if times else ''}"


MOST = 8
"""Findings of one kind that are shown; the lock has them all."""


def render_findings(findings: Iterable[Finding]) -> str:
    """Return a heading and a few lines for each kind; "" where there is no finding."""
    ordered = sorted(findings)
    if not ordered:
        return ""
    return "\n".join([f"{plural(len(ordered), 'finding')}:", *_lines(ordered)]) + "\n"


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        members = list(group)
        yield from (f"  {printable(f'{kind}: {item.subject}: {item.detail}')}" for item in members[:MOST])
        if len(members) > MOST:
            yield f"  {printable(kind)}: {len(members) - MOST} more, see [[findings]] in the lock"
