"""Says what verify took over as the baseline, and what to do with it; and how to take numbers over that differ."""

from collections.abc import Iterator

from envsnap.manifest.manifest import Manifest
from envsnap.manifest.phrases import plural
from envsnap.report.printable import printable

ADVICE = "if these numbers are meant: envsnap verify --accept 'why'"


def render_accepted(manifest: Manifest) -> str:
    """Describe the last entry of a lock that was written with the numbers of a verify."""
    return "\n".join(map(printable, _lines(manifest))) + "\n"


def _lines(manifest: Manifest) -> Iterator[str]:
    baseline = manifest.contents.baseline
    if baseline is None or not baseline.accepted:
        return
    entry = baseline.accepted[-1]
    yield f"accepted: {entry.reason}"
    yield from (f"  {output.path}: {output.summary}" for output in entry.outputs)
    if entry.others:
        yield f"  and {plural(entry.others, 'more output')}"
    yield (
        f"envsnap.lock {manifest.snapshot.digest[:12]} and envsnap.baseline/{baseline.folder} have these numbers, of "
        f"{plural(baseline.runs, 'run')}: commit both"
    )
