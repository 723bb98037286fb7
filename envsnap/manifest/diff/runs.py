"""What differs between the runs of one job: what they read, how their generators were seeded, what was in force."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from envsnap.manifest.diff.rebuilt import settings_in_force
from envsnap.manifest.observation import Observation, OpenedFile, SeedCall

MOST = 20
"""Differences of two runs that are named; the rest is counted."""


def diff_runs(runs: Sequence[Observation]) -> tuple[str, ...]:
    """Name what is not the same in every run as in the first one: it can be why their numbers differ."""
    if not runs:
        return ()
    first, lines = runs[0], []
    for number, later in enumerate(runs[1:], start=2):
        found = [line for compare in (_seeds, _reads, _settings, _loaded) for line in compare(first, later, number)]
        lines += found[:MOST] + ([f"run {number}: {len(found) - MOST} more differences"] if len(found) > MOST else [])
    return tuple(lines)


def _seeds(first: Observation, later: Observation, number: int) -> Iterator[str]:
    ours, theirs = _by_call(first.seeds), _by_call(later.seeds)
    for call in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(call, ()), theirs.get(call, ())
        if one != other:
            yield f"{call} was seeded with {_spell(one)} in run 1 and {_spell(other)} in run {number}"


def _by_call(seeds: Iterable[SeedCall]) -> dict[str, tuple[int | None, ...]]:
    found: dict[str, tuple[int | None, ...]] = {}
    for seed in seeds:
        name = f"{seed.place}: {seed.call}"
        found[name] = (*found.get(name, ()), seed.seed)
    return found


def _spell(seeds: Sequence[int | None]) -> str:
    return ", ".join("what is no number" if seed is None else str(seed) for seed in seeds) or "nothing"


def _reads(first: Observation, later: Observation, number: int) -> Iterator[str]:
    ours, theirs = _by_path(first.opened), _by_path(later.opened)
    for path in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(path), theirs.get(path)
        if one is None or other is None:
            reader, idle = (1, number) if other is None else (number, 1)
            yield f"{path} was read in run {reader} and not in run {idle}"
        elif one.size != other.size:
            yield f"{path} had {one.size:,} bytes in run 1 and {other.size:,} in run {number}"


def _by_path(opened: Iterable[OpenedFile]) -> dict[str, OpenedFile]:
    return {file.path: file for file in opened}


def _settings(first: Observation, later: Observation, number: int) -> Iterator[str]:
    ours, theirs = settings_in_force(first), settings_in_force(later)
    for kind in ours:
        yield from (f"{kind} {line} in run {number}" for line in _changed(ours[kind], theirs[kind]))


def _loaded(first: Observation, later: Observation, number: int) -> Iterator[str]:
    """Compare libraries and distributions; a library of an accelerator is a setting already."""
    ours, theirs = _names_loaded(first), _names_loaded(later)
    yield from (f"{name} was loaded in run 1 and not in run {number}" for name in sorted(ours - theirs))
    yield from (f"{name} was loaded in run {number} and not in run 1" for name in sorted(theirs - ours))


def _names_loaded(run: Observation) -> set[str]:
    libraries = {
        f"{library.name} {library.version}".strip() for library in run.libraries if library.family != "accelerator"
    }
    return libraries | set(run.distributions)


def _changed(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(one.keys() | other.keys()):
        before, after = one.get(name, "not there"), other.get(name, "not there")
        if before != after:
            yield f"{name}: {before} in run 1, {after}"
