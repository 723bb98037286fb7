"""Whether the runs of one job repeat one another: the metrics that differ, and what may be the cause."""

import re
from collections.abc import Iterator, Sequence

from envsnap.manifest.diff.runs import diff_runs
from envsnap.manifest.finding import Finding
from envsnap.manifest.job import Job
from envsnap.manifest.layout import Layout
from envsnap.manifest.outcome import Outcome
from envsnap.manifest.phrases import join_names
from envsnap.manifest.verdict import ItemVerdict, OutputVerdict

MOST_METRICS = 10
CLOCK = re.compile(r"(^|[^a-z])(time|timestamp|date|duration|elapsed|seconds|secs|runtime|throughput|eta)([^a-z]|$)")
"""Words in the name of a metric that tells of a clock, and not of the job's result."""


def causes_named(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Name what was not the same in all runs: seeds, what was read, settings."""
    return diff_runs([outcome.observation for outcome in outcomes if outcome.observation is not None])


def disagreements_named(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Name in what the ranks of a run were not alike, each thing once."""
    seen = [outcome.observation for outcome in outcomes if outcome.observation is not None]
    return tuple(dict.fromkeys(line for observation in seen for line in observation.disagreements))


def runs_differ(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """Make a finding of each cause, and of what the ranks of one run did not have alike."""
    for cause in causes_named(outcomes):
        yield Finding(kind="runs-differ", subject="the runs of the baseline", detail=cause)
    for line in disagreements_named(outcomes):
        yield Finding(kind="ranks-differ", subject="the ranks of the job", detail=line)


def differences_told(job: Job, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Name the metrics that differ among the runs, and propose what to write into envsnap.toml."""
    for output, verdict in zip(job.outputs, _compared(job, outcomes), strict=True):
        differing = [item.name for item in verdict.items if _differs(item)]
        if not differing:
            continue
        clocks = [name for name in differing if CLOCK.search(name.lower())]
        others = [name for name in differing if name not in clocks]
        proposals = [f'{_quoted(name)} = "ignore"' for name in clocks]
        proposals += [f"{_quoted(name)} = {{ rtol = 0.01 }}, as wide as the result allows" for name in others]
        yield (
            f"{output.path} is not the same in all runs: {join_names(differing, MOST_METRICS)}. If that is meant, "
            f"write under its [job.outputs.tolerance]: {join_names(proposals, MOST_METRICS)}"
        )


def _compared(job: Job, outcomes: Sequence[Outcome]) -> tuple[OutputVerdict, ...]:
    from envsnap.compare import OutputPair, compare_outputs  # numpy: a third of a freeze that runs no job

    first, *later = outcomes
    pairs = [
        OutputPair(
            path=output.path,
            format=output.format,
            baselines=(output.file,) if output.file is not None else (),
            reruns=tuple(outcome.outputs[place].file for outcome in later),
            tolerance={"*": "exact"},
            layout=job.outputs[place].layout or Layout(),
        )
        for place, output in enumerate(first.outputs)
    ]
    return compare_outputs(pairs).outputs


def _differs(item: ItemVerdict) -> bool:
    return item.differing > 0 or item.status == "fail"


def _quoted(name: str) -> str:
    """Write a metric's name as a key of TOML."""
    import tomli_w

    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]
