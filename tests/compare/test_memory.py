"""How much is held at once, as Python counts what it allocates; the bounds have room."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envsnap.compare import OutputPair, compare_outputs
from envsnap.manifest.outcome import OutputFormat

LINES = 30_000


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[[int, OutputFormat], Path]:
    """Give a function that writes a run's file, of some MB."""

    def make(seed: int, kind: OutputFormat) -> Path:
        numbers, path = np.random.default_rng(seed), tmp_path / f"{seed}.{kind}"
        rows = [(step, numbers.random(), numbers.random()) for step in range(LINES)]
        if kind == "csv":
            path.write_text("step,loss,acc\n" + "".join(f"{a},{b!r},{c!r}\n" for a, b, c in rows))
        else:
            path.write_text(
                "".join(json.dumps(dict(zip(("step", "loss", "acc"), row, strict=True))) + "\n" for row in rows)
            )
        return path

    return make


def peak_of(pair: OutputPair) -> int:
    """Return the most bytes that a comparison holds at once; the first one imports what it needs."""
    compare_outputs([pair])
    tracemalloc.start()
    compare_outputs([pair])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_text_takes_about_its_own_size(make_run: Callable[[int, OutputFormat], Path], kind: OutputFormat) -> None:
    """A number takes eight bytes, whatever it takes when printed; chunks of records come and go."""
    baseline, rerun = make_run(1, kind), make_run(2, kind)
    pair = OutputPair(path="o", format=kind, baselines=(baseline,), reruns=(rerun,))

    assert peak_of(pair) < 2 * (baseline.stat().st_size + rerun.stat().st_size)


def test_runs_are_not_held_all_at_once(make_run: Callable[[int, OutputFormat], Path]) -> None:
    """Five baseline runs and three reruns take about what two files take."""
    runs = tuple(make_run(seed, "jsonl") for seed in range(8))
    two = OutputPair(path="o", format="jsonl", baselines=runs[:1], reruns=runs[-1:])
    eight = OutputPair(path="o", format="jsonl", baselines=runs[:5], reruns=runs[5:])

    assert peak_of(eight) < 1.5 * peak_of(two)
