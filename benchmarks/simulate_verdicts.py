"""Simulates verifies of jobs that do not repeat themselves: how often an unchanged one fails, and a changed one passes.

Run as ``python benchmarks/simulate_verdicts.py [REPETITIONS]``; the table that it prints stands in docs/numerics.md.
Every cell has its own seed, so that the same code gives the same table.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envsnap.compare.reading import Series, Tensor
from envsnap.compare.repeats import judge_together, keep, repeated_of
from envsnap.compare.tolerances import ToleranceChoice
from envsnap.manifest.tolerance import Bounds
from envsnap.manifest.verdict import ItemVerdict

REPETITIONS: Final = 2000
Runs = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Runs]
"""Gives (runs, metrics, steps) for a number of runs and of metrics."""


def normal(random: np.random.Generator, runs: int, metrics: int) -> Runs:
    """Single numbers, mean 10 and spread 1."""
    return 10 + random.standard_normal((runs, metrics, 1))


def lognormal(random: np.random.Generator, runs: int, metrics: int) -> Runs:
    """Single numbers with a long tail."""
    return np.exp(random.standard_normal((runs, metrics, 1)))


def coarse(random: np.random.Generator, runs: int, metrics: int) -> Runs:
    """Single numbers that are printed to half their spread."""
    return np.round(normal(random, runs, metrics) * 2) / 2


def curves(random: np.random.Generator, runs: int, metrics: int) -> Runs:
    """Loss curves of 200 steps: a decay, an offset for each run, and noise at each step."""
    decay = np.exp(-np.arange(200) / 50)
    offset = 0.02 * random.standard_normal((runs, metrics, 1))
    return decay + offset + 0.05 * random.standard_normal((runs, metrics, 200))


@dataclass(frozen=True, slots=True)
class Job:
    """What is drawn, for how many baseline runs, reruns and metrics, and the tolerance that the user gave."""

    draw: Draw
    n: int
    m: int
    metrics: int
    tolerance: Bounds | None = None


def verdicts(job: Job, change: Callable[[Runs], Runs], repetitions: int) -> Iterator[tuple[ItemVerdict, ...]]:
    """Give the items' verdicts of each simulated verify; ``change`` is applied to the reruns."""
    n, m, metrics = job.n, job.m, job.metrics
    random = np.random.default_rng([n, m, metrics, repetitions])
    chosen = ToleranceChoice(pattern="", tolerance=job.tolerance or "auto")
    for _ in range(repetitions):
        runs = job.draw(random, n + m, metrics)
        runs[n:] = change(runs[n:])
        items = []
        for metric in range(metrics):
            labels = tuple(f"step {step}" for step in range(runs.shape[2])) if runs.shape[2] > 1 else ("",)
            series = [keep(Series(labels=labels, values=tuple(map(float, run[metric]))), chosen) for run in runs]
            item = repeated_of(ItemVerdict(name="x", status="fail"), series, n, job.tolerance)
            assert item is not None
            items.append(item)
        yield judge_together(items)[0]


def tensor_verdicts(n: int, m: int, multiple: float, repetitions: int) -> Iterator[tuple[ItemVerdict, ...]]:
    """Give the verdicts of one tensor of 1,000 values, which the reruns move by a multiple of its own spread."""
    random = np.random.default_rng([n, m, repetitions])
    for _ in range(repetitions):
        runs = random.standard_normal((n + m, 1000))
        direction = random.standard_normal(1000)
        runs[n:] += multiple * direction / np.linalg.norm(direction) * np.sqrt(1000)
        tensors = [Tensor(dtype="float64", shape=(1000,), stored=run) for run in runs]
        item = repeated_of(ItemVerdict(name="x", status="fail"), tensors, n, None)
        assert item is not None
        yield judge_together([item])[0]


def shares(found: Iterator[tuple[ItemVerdict, ...]]) -> Mapping[str, float]:
    """Count how whole verifies end, in per cent: one item that fails makes all fail."""
    counts: Counter[str] = Counter()
    for items in found:
        states = {item.status for item in items}
        counts["fail" if "fail" in states else "inconclusive" if "inconclusive" in states else "pass"] += 1
    return {status: 100 * counts[status] / counts.total() for status in ("pass", "fail", "inconclusive")}


def row(name: str, n: int, m: int, metrics: int, found: Iterator[tuple[ItemVerdict, ...]]) -> None:
    """Print one cell's line."""
    share = shares(found)
    cells = " | ".join(f"{share[status]:.1f}" for status in ("pass", "fail", "inconclusive"))
    print(f"| {name} | {n} | {m} | {metrics} | {cells} |", flush=True)


def as_it_was(runs: Runs) -> Runs:
    """Change nothing."""
    return runs


def first_moved(by: float) -> Callable[[Runs], Runs]:
    """Move the first metric."""
    return lambda runs: np.asarray(runs + by * (np.arange(runs.shape[1]) == 0)[:, None])


def another_way(runs: Runs) -> Runs:
    """Bend a curve that begins and ends as before."""
    steps = np.arange(runs.shape[2])
    return np.asarray(runs + 0.5 * np.sin(np.pi * steps / steps[-1]))


def unchanged(repetitions: int) -> None:
    """Print the cells of a job that did not change, without a tolerance and with one of six spreads."""
    for metrics, n, m in itertools.product((1, 5, 20), (2, 3, 5, 10), (1, 3)):
        for name, tolerance in (("unchanged", None), ("unchanged, tolerance 6 spreads", Bounds(atol=6))):
            job = Job(normal, n, m, metrics, tolerance)
            row(name, n, m, metrics, verdicts(job, as_it_was, repetitions))
    for n, (name, draw) in itertools.product((2, 3, 5, 10), (("lognormal", lognormal), ("coarse", coarse))):
        row(f"unchanged, {name}", n, 3, 20, verdicts(Job(draw, n, 3, 20), as_it_was, repetitions))
    for n, m in itertools.product((2, 3, 5, 10), (1, 3)):
        row("unchanged, curves", n, m, 5, verdicts(Job(curves, n, m, 5), as_it_was, repetitions))
        row("unchanged, tensor", n, m, 1, tensor_verdicts(n, m, 0, repetitions))


def changed(repetitions: int) -> None:
    """Print the cells of a job that did change."""
    for n, m, by in ((5, 3, 5), (10, 3, 4), (10, 3, 5), (10, 1, 5)):
        row(f"one of 20 moved by {by} spreads", n, m, 20, verdicts(Job(normal, n, m, 20), first_moved(by), repetitions))
    for n in (5, 10):
        row("curve, another way to the same end", n, 3, 1, verdicts(Job(curves, n, 3, 1), another_way, repetitions))
        row("tensor moved by 5 spreads", n, 3, 1, tensor_verdicts(n, 3, 5, repetitions))


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    print("| job | N | M | metrics | pass | fail | inconclusive |\n|---|---|---|---|---|---|---|")
    unchanged(many)
    changed(many)
