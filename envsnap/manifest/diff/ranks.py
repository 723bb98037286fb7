"""What differs between the ranks of one distributed job, where all should compute alike."""

from collections.abc import Iterable, Iterator, Mapping

from envsnap.manifest.diff.rebuilt import settings_in_force
from envsnap.manifest.observation import Observation
from envsnap.manifest.phrases import join_names

MOST = 20
"""Differences that are named; the rest is counted."""
_MOST_RANKS = 8


def diff_ranks(reports: Iterable[Observation]) -> tuple[str, ...]:
    """Name ranks that were not observed, and what was not in force alike in all of those that were.

    What only some ranks have is left alone, such as a library that rank 0 loads to write the results.

    Args:
        reports: of single processes; a rank's main process is the one with most modules.
    """
    ranks: dict[int, Observation] = {}
    for report in sorted(reports, key=lambda report: report.modules):
        if report.rank is not None:
            ranks[report.rank] = report
    lines = [*_absent(ranks), *_unequal({rank: _in_force(ranks[rank]) for rank in sorted(ranks)})]
    return (*lines[:MOST], *([f"{len(lines) - MOST} more differences"] if len(lines) > MOST else []))


def _absent(ranks: Mapping[int, Observation]) -> Iterator[str]:
    size = max((report.ranks for report in ranks.values()), default=0)
    absent = [str(rank) for rank in range(min(size, max(ranks, default=0) + _MOST_RANKS + 1)) if rank not in ranks]
    if absent:
        yield (
            f"of {size} ranks {len(ranks)} {'was' if len(ranks) == 1 else 'were'} observed, and not rank "
            f"{join_names(absent, _MOST_RANKS)}: a process that ends by a signal or os._exit tells nothing"
        )


def _unequal(ranks: Mapping[int, Mapping[str, str]]) -> Iterator[str]:
    for name in sorted({name for found in ranks.values() for name in found}):
        holders: dict[str, list[str]] = {}
        for rank, found in ranks.items():
            if name in found:
                holders.setdefault(found[name], []).append(str(rank))
        if len(holders) > 1:
            parts = (f"{value} in rank {join_names(those, _MOST_RANKS)}" for value, those in holders.items())
            yield f"{name}: {', '.join(parts)}"


def _in_force(report: Observation) -> dict[str, str]:
    found = {
        f"{kind} {name}": value for kind, values in settings_in_force(report).items() for name, value in values.items()
    }
    found |= {f"version of {name}": version for name, version in report.frameworks.items()}
    found |= {"interpreter": report.python, "seed": str(report.seed), "PYTHONHASHSEED at start": report.hash_seed}
    files: dict[str, set[str]] = {}
    for library in report.libraries:
        if library.sha256:
            files.setdefault(library.name, set()).add(library.sha256[:12])
    return found | {f"library {name}, SHA-256": " and ".join(sorted(hashes)) for name, hashes in files.items()}
