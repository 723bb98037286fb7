"""Draws a lock for people, in one screen whatever its size: what has no room is counted."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from envsnap.manifest.hardware import Hardware, describe_gpus
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.job import Job, JobOutput
from envsnap.manifest.manifest import Baseline
from envsnap.manifest.phrases import plural
from envsnap.manifest.tolerance import Tolerance
from envsnap.manifest.working_tree import Code
from envsnap.report.overview import CudaVersions, JobOverview, Overview, PackageTotals
from envsnap.report.printable import printable, render
from envsnap.report.summary import describe_runs, evidence_meaning

LABEL: Final = 16
"""Columns of what a row is about."""
OUTPUTS: Final = 3
FINDINGS: Final = 3
"""Rows of what a lock may have many of; the last one counts the others."""
DAY: Final = len("2026-01-02")
LONGEST: Final = 40
"""Letters of one name or value; no digest needs them all."""

Row = tuple[str, str]
"""What it is about, and the fact."""


def render_lock_page(overview: Overview, *, color: bool, width: int = 100) -> str:
    """Draw at most 24 lines: what is pinned, the job with its results, what looks wrong, and what to run next."""
    rows = (_head(overview), *_environment(overview, width), *_work(overview, width), *_doubts(overview, width))
    return render([*(_line(row, width) for row in rows), _next(overview)], color=color, width=width)


def _line(row: Row, width: int) -> Text:
    label, fact = row
    text = Text.assemble((f"{printable(label):<{LABEL}}", "bold"), _piece(fact, width))
    text.truncate(width, overflow="ellipsis")
    return text


def _head(overview: Overview) -> Row:
    snapshot = overview.snapshot
    written = f"written {_piece(snapshot.created_at)} by {_piece(snapshot.created_by)}"
    return "lock", f"{snapshot.digest[:12]}, {written}, schema {overview.schema_version}"


def _environment(overview: Overview, width: int) -> Iterator[Row]:
    yield "python", _python(overview.interpreter, overview.platform)
    yield "machine", _machine(overview.hardware)
    if cuda := tuple(_cuda(overview.cuda)):
        yield "CUDA", _fit(cuda, width)
    yield from _packages(overview, width)
    if overview.frameworks:
        yield "frameworks", _fit([f"{one.name} {one.version}" for one in overview.frameworks], width)
    yield "code", _code(overview.code)
    if overview.packages.own:
        yield "own packages", _fit(overview.packages.own, width)


def _python(python: Interpreter, platform: Platform) -> str:
    origin = "container image" if python.provenance == "image" else python.provenance
    kinds = [name for name in (origin, python.environment) if name not in ("none", "unknown")]
    odd = [word for word, is_so in (("debug", python.debug), ("free-threaded", python.free_threaded)) if is_so]
    build = f" ({', '.join((*kinds, *odd))})" if kinds or odd else ""
    libc = f", {_piece(platform.libc)} {_piece(platform.libc_version)}" if platform.libc else ""
    system = platform.distribution or platform.system
    return (
        f"{_piece(python.implementation, 12)} {python.version}{build}, {_piece(system)}, {_piece(platform.arch)}{libc}"
    )


def _machine(hardware: Hardware) -> str:
    cpu = hardware.cpu
    memory = hardware.memory_limit_mib or hardware.memory_mib
    facts = [describe_gpus(hardware.gpus) if hardware.gpus else "", _piece(cpu.model or cpu.vendor)]
    facts += [plural(cpu.cores, "core"), f"{memory / 1024:.0f} GiB" if memory else ""]
    facts += ["" if hardware.gpus else "no GPU"]
    return ", ".join(filter(None, facts))


def _cuda(cuda: CudaVersions) -> Iterator[str]:
    yield from cuda.builds
    if cuda.cudnn:
        yield f"cuDNN {cuda.cudnn}"
    if cuda.driver:
        yield f"driver {cuda.driver}" + (f" for CUDA up to {cuda.driver_cuda}" if cuda.driver_cuda else "")


def _packages(overview: Overview, width: int) -> Iterator[Row]:
    packages, source = overview.packages, overview.specification
    begin = f"resolved from {_piece(source.path)}: " if source is not None else ""
    begin += f"{plural(packages.conda, 'conda package')} and " if packages.conda else ""
    meaning = evidence_meaning(source)
    told = "; ".join(f"{count} {name}: {meaning[name]}" for name, count in packages.evidence.items())
    short = ", ".join(f"{count} {name}" for name, count in packages.evidence.items())
    fits = cell_len(begin + told) <= width - LABEL
    yield plural(packages.count, "package"), begin + (told if fits else short)
    if packages.unbuildable:
        yield "", _unbuildable(packages, width)


def _unbuildable(packages: PackageTotals, width: int) -> str:
    begin = f"{len(packages.unbuildable)} cannot be rebuilt: "
    return begin + _fit(packages.unbuildable, width - len(begin))


def _code(code: Code | None) -> str:
    if code is None:
        return "no commit is recorded"
    files = f" in {plural(len(code.changed), 'file')}" if code.changed else ""
    kept = ", kept as a patch" if code.kept_patch else ""
    branch = f", on {_piece(code.branch)}" if code.branch else ""
    beside = f", with {plural(len(code.beside), 'place')} beside the project" if code.beside else ""
    state = f"uncommitted changes{files}{kept}" if code.dirty else "clean"
    return f"{code.commit[:12]}, {state}{beside}{branch}"


def _work(overview: Overview, width: int) -> Iterator[Row]:
    own = overview.job
    if own.job is None:
        yield "job", "none is locked: this is an environment alone"
    else:
        yield "job", shlex.join(own.job.command)[: 2 * width]
        yield "", _settings(own.job, width)
    if own.inputs.count:
        begin = f"{own.inputs.size:,} bytes: "
        yield plural(own.inputs.count, "input"), begin + _fit(own.inputs.paths, width - len(begin))
    yield from _outputs(own.job.outputs if own.job is not None else (), width)
    if own.job is not None or own.baseline is not None:
        yield "baseline", _results(own.baseline)
    if own.baseline is not None:
        yield from _accepted(own.baseline)
    if overview.profiles:
        yield (
            plural(len(overview.profiles), "profile"),
            _fit([_profile(one) for one in overview.profiles], width, between="; ", longest=width),
        )


def _settings(job: Job, width: int) -> str:
    facts = [f"seed {job.seed}", plural(job.threads, "thread"), "deterministic" if job.deterministic else ""]
    facts += ["with network" if job.network else "", f"GPUs: {job.gpus}" if job.gpus != "all" else ""]
    facts += [f"timeout {job.timeout_seconds:,.0f} s" if job.timeout_seconds is not None else ""]
    facts += [f"gets your {name}" for name in job.pass_env]
    return _fit([fact for fact in facts if fact], width)


def _outputs(outputs: Sequence[JobOutput], width: int) -> Iterator[Row]:
    shown = outputs if len(outputs) <= OUTPUTS else outputs[: OUTPUTS - 1]
    for place, output in enumerate(shown):
        begin = f"{_piece(output.path)} ({output.format}): "
        fact = begin + _fit(tuple(_tolerances(output)), width - cell_len(begin))
        yield plural(len(outputs), "output") if not place else "", fact
    if len(shown) < len(outputs):
        yield "", f"and {len(outputs) - len(shown)} more"


def _tolerances(output: JobOutput) -> Iterator[str]:
    """Name what is held to a tolerance of its own first, then the rule for all others."""
    rest = output.tolerance.get("*", "auto")
    yield from (f"{_piece(name)} {_tolerance(one)}" for name, one in output.tolerance.items() if name != "*")
    yield _tolerance(rest) if len(output.tolerance) - ("*" in output.tolerance) == 0 else f"others {_tolerance(rest)}"


def _tolerance(tolerance: Tolerance) -> str:
    if isinstance(tolerance, str):
        return tolerance
    given = [f"{name} {value:g}" for name, value in (("rtol", tolerance.rtol), ("atol", tolerance.atol)) if value]
    return " ".join((*given, *(("NaN equal",) if tolerance.equal_nan else ()))) or "exact"


def _results(baseline: Baseline | None) -> str:
    runs = describe_runs(baseline)
    if baseline is None or baseline.observed:
        return runs
    return f"the outputs {runs}" if baseline.recorded else f"{runs}; nothing was seen from inside the job"


def _accepted(baseline: Baseline) -> Iterator[Row]:
    if not baseline.accepted:
        return
    last, count = baseline.accepted[-1], len(baseline.accepted)
    order = f", the last of {count}" if count > 1 else ""
    yield "accepted", f"{_piece(last.accepted_at.partition('T')[0], DAY)}{order}: {last.reason}"


def _profile(profile: JobOverview) -> str:
    return f"{profile.name}: {describe_runs(profile.baseline)}"


def _doubts(overview: Overview, width: int) -> Iterator[Row]:
    found = overview.findings
    if found:
        moving = sum(one.moves_numbers for one in found)
        yield plural(len(found), "finding"), f"{moving or 'none'} can move numbers{':' if moving else ''}"
    shown = found if len(found) <= FINDINGS else found[: FINDINGS - 1]
    yield from (("", f"{one.kind}: {_piece(one.subject)}: {one.detail}") for one in shown)
    if len(shown) < len(found):
        yield "", f"and {len(found) - len(shown)} more, see [[findings]] in the lock"
    if overview.not_captured:
        facts = [f"{one.what}: {one.reason}" for one in overview.not_captured]
        yield "not captured", _fit(facts, width, between="; ", longest=width)


def _next(overview: Overview) -> str:
    """Give the last line whole: a command is there to be copied."""
    advice = f" ({overview.advice})" if overview.advice else ""
    return f"{'next':<{LABEL}}{printable(overview.next)}{advice}"


def _piece(text: str, longest: int = LONGEST) -> str:
    """Make a name or value safe and short."""
    safe = printable(text[: longest + 1])
    return safe if len(safe) <= longest else f"{safe[: longest - 1]}…"


def _fit(items: Sequence[str], width: int, *, between: str = ", ", longest: int = LONGEST) -> str:
    """Join as many items as the row has room for, at least one, and count the others."""
    room = max(width - LABEL, LABEL)
    pieces = [_piece(item, longest) for item in items[:room]]
    for count in range(len(pieces), 1, -1):
        text = between.join(pieces[:count]) + _more(len(items) - count)
        if cell_len(text) <= room:
            return text
    more = _more(len(items) - 1)
    return "".join(_piece(piece, max(room - len(more), LABEL // 2)) for piece in pieces[:1]) + more


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
