"""A short run of the simulation in benchmarks/: the rates that docs/numerics.md tells hold, as far as few runs show."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from envsnap.manifest.tolerance import Bounds

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulate_verdicts.py"
REPETITIONS = 150


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("simulate_verdicts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("n", "m", "metrics"), [(2, 3, 20), (5, 3, 20), (10, 1, 1), (10, 3, 5)])
def test_an_unchanged_job_seldom_fails(simulation: ModuleType, n: int, m: int, metrics: int) -> None:
    """At most one in 20: of 150, with a chance of one in a thousand, 18."""
    job = simulation.Job(simulation.normal, n, m, metrics)

    share = simulation.shares(simulation.verdicts(job, simulation.as_it_was, REPETITIONS))

    assert share["fail"] <= 12


@pytest.mark.parametrize(("n", "m", "tolerance"), [(5, 3, None), (10, 3, None), (3, 3, Bounds(atol=6))])
def test_an_unchanged_job_passes(simulation: ModuleType, n: int, m: int, tolerance: Bounds | None) -> None:
    """Nine in ten: of 150, with a chance of one in a thousand, 123."""
    job = simulation.Job(simulation.normal, n, m, 20, tolerance)

    share = simulation.shares(simulation.verdicts(job, simulation.as_it_was, REPETITIONS))

    assert share["pass"] >= 82


def test_what_changed_does_not_pass(simulation: ModuleType) -> None:
    """One number of twenty, the course of a curve, an array."""
    moved = simulation.verdicts(simulation.Job(simulation.normal, 10, 3, 20), simulation.first_moved(5), REPETITIONS)
    bent = simulation.verdicts(simulation.Job(simulation.curves, 10, 3, 1), simulation.another_way, 50)

    assert simulation.shares(moved)["fail"] >= 95
    assert 100 == simulation.shares(bent)["fail"] == simulation.shares(simulation.tensor_verdicts(10, 3, 5, 50))["fail"]
