"""What was not the same in two runs of one job is named: it can be why their numbers differ."""

from typing import Any

from envsnap.manifest.diff.runs import MOST, diff_runs
from envsnap.manifest.observation import LoadedLibrary, Observation, OpenedFile, SeedCall


def seen(**fields: Any) -> Observation:
    """What the observer saw of one run."""
    return Observation(python="3.11.7", **fields)


def test_runs_that_were_alike_have_nothing_to_tell() -> None:
    """Nor has a single one, or none."""
    run = seen(seeds=(SeedCall(call="random.seed", place="train.py:3", seed=7),), variables={"OMP_NUM_THREADS": "1"})

    assert () == diff_runs([run, run, run]) == diff_runs([run]) == diff_runs([])


def test_a_seed_from_the_clock_is_named_with_its_place() -> None:
    """With what was given in each run; one that is no integer is said to be none."""
    runs = [seen(seeds=(SeedCall(call="random.seed", place="train.py:3", seed=seed),)) for seed in (1700000001, None)]

    assert ("train.py:3: random.seed was seeded with 1700000001 in run 1 and what is no number in run 2",) == diff_runs(
        runs
    )


def test_what_only_one_run_read_is_named() -> None:
    """A cache that the first run left, a checkpoint that the second resumed; each later run is told."""
    cache, data = OpenedFile(path="cache.json", size=10), OpenedFile(path="data.csv", size=5)

    lines = diff_runs(
        [seen(opened=(data,)), seen(opened=(cache, data)), seen(opened=(OpenedFile("data.csv", size=6),))]
    )

    assert (
        "cache.json was read in run 2 and not in run 1",
        "data.csv had 5 bytes in run 1 and 6 in run 3",
    ) == lines


def test_settings_in_force_are_compared() -> None:
    """A variable that a run set for the next one."""
    runs = [seen(variables={"OMP_NUM_THREADS": "1"}), seen(variables={"OMP_NUM_THREADS": "8"})]

    assert ("variable OMP_NUM_THREADS: 1 in run 1, 8 in run 2",) == diff_runs(runs)


def test_what_only_one_run_loaded_is_named() -> None:
    """Another BLAS, or a package that is imported where a file of a former run is there."""
    blas = LoadedLibrary(name="libopenblas.so.0", family="blas", path="/usr/lib/libopenblas.so.0", version="0.3.21")

    lines = diff_runs([seen(libraries=(blas,)), seen(distributions=("orjson==3.9",))])

    assert (
        "libopenblas.so.0 0.3.21 was loaded in run 1 and not in run 2",
        "orjson==3.9 was loaded in run 2 and not in run 1",
    ) == lines


def test_many_differences_are_counted() -> None:
    """A job that reads thousands of files of its own making fills no screen."""
    opened = tuple(OpenedFile(path=f"{number}.bin") for number in range(MOST + 30))

    lines = diff_runs([seen(), seen(opened=opened)])

    assert (MOST + 1, "run 2: 30 more differences") == (len(lines), lines[-1])
