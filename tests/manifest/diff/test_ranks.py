"""Ranks that do not compute alike are named, and ranks that nobody saw."""

from typing import Any

import msgspec
import pytest

from envsnap.manifest.diff.ranks import MOST, diff_ranks
from envsnap.manifest.observation import LoadedLibrary, Observation, TorchSettings


def a_rank(rank: int | None, *, ranks: int = 2, **seen: Any) -> Observation:
    """One process's report."""
    return msgspec.structs.replace(Observation(python="3.11.7", rank=rank, ranks=ranks, modules=9), **seen)


def a_library(digest: str) -> LoadedLibrary:
    """A library with this hash."""
    return LoadedLibrary(name="libnccl.so.2", family="accelerator", path="p", version="2.2", sha256=digest * 8)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"torch": TorchSettings(version="2.1", num_threads=4)}, "torch num-threads: 1 in rank 0, 4 in rank 1"),
        ({"seed": 7}, "seed: None in rank 0, 7 in rank 1"),
        ({"python": "3.12.1"}, "interpreter: 3.11.7 in rank 0, 3.12.1 in rank 1"),
        ({"frameworks": {"numpy": "2.0"}}, "version of numpy: 1.26 in rank 0, 2.0 in rank 1"),
        ({"variables": {"OMP_NUM_THREADS": "2"}}, "variable OMP_NUM_THREADS: 1 in rank 0, 2 in rank 1"),
        ({"hash_seed": "1"}, "PYTHONHASHSEED at start: 0 in rank 0, 1 in rank 1"),
        (
            {"libraries": (a_library("bb"),)},
            "library libnccl.so.2, SHA-256: aaaaaaaaaaaa in rank 0, bbbbbbbbbbbb in rank 1",
        ),
    ],
)
def test_what_is_in_force_in_one_rank_alone_is_named(seen: dict[str, Any], told: str) -> None:
    """With both values; equal ranks say nothing."""
    alike: dict[str, Any] = {
        "torch": TorchSettings(version="2.1", num_threads=1),
        "frameworks": {"numpy": "1.26"},
        "variables": {"OMP_NUM_THREADS": "1"},
        "hash_seed": "0",
        "libraries": (a_library("aa"),),
    }

    assert () == diff_ranks([a_rank(0, **alike), a_rank(1, **alike)])
    found = diff_ranks([a_rank(0, **alike), a_rank(1, **(alike | seen))])
    assert told in found or told.replace(", SHA-256", "") in found


def test_what_one_rank_alone_has_is_no_disagreement() -> None:
    """Rank 0 writes the results; its workers import less."""
    writer = a_rank(0, frameworks={"scipy": "1"}, libraries=(a_library("aa"),))

    assert () == diff_ranks([writer, a_rank(1), a_rank(1, modules=3, python="3.9"), a_rank(None, python="2.7")])


def test_a_rank_that_nobody_saw_is_named() -> None:
    """However large a job says it is."""
    assert () == diff_ranks([a_rank(None), a_rank(None)])
    assert "of 3 ranks 2 were observed, and not rank 1: a process" in diff_ranks([a_rank(0), a_rank(2, ranks=3)])[0]
    assert "of 1000000 ranks 1 was observed, and not rank 1, 2, 3" in diff_ranks([a_rank(0, ranks=10**6)])[0]


def test_many_disagreements_are_counted() -> None:
    """A report is no page."""
    one, other = ({f"V{number}": value for number in range(50)} for value in "ab")

    found = diff_ranks([a_rank(0, variables=one), a_rank(1, variables=other)])

    assert (MOST + 1, f"{50 - MOST} more differences") == (len(found), found[-1])
