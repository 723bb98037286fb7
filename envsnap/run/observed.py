"""Reads the reports that observed processes left, and makes one Observation of them."""

import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.diff.ranks import diff_ranks
from envsnap.manifest.model import convert
from envsnap.manifest.observation import JournalEntry, LoadedLibrary, Observation, OpenedFile, SeedCall

_MOST_BYTES = 16 * 1024 * 1024
"""A report has tens of kilobytes; the job could write anything in its place."""


def observe(folder: Path) -> Observation | None:
    """Return what the processes that reported into ``folder`` say together; None: none reported.

    A report or journal that cannot be read is named among the errors.
    """
    reports: list[Observation] = []
    entries: list[JournalEntry] = []
    errors: list[str] = []
    for path in sorted(folder.glob("*-*.json*")):
        try:
            if path.match("observed-*.json"):
                reports.append(_read(path))
            elif path.match("events-*.jsonl"):
                entries += _read_journal(path)
        except InvalidFileError as error:
            errors.append(str(error))
    if not reports:
        return None
    return add_entries(merge(reports, errors), entries)


def merge(reports: Iterable[Observation], errors: Iterable[str] = ()) -> Observation:
    """Return the main process's settings with what all had loaded, and their errors.

    The main process is the one with most modules; among equals their contents decide, so that the same
    reports give the same value in whatever order they come.

    Raises:
        ValueError: there is no report.
    """
    ordered = sorted(reports, key=lambda report: (-report.modules, msgspec.json.encode(report, order="sorted")))
    if not ordered:
        raise ValueError("no report to merge")
    messages = sorted({message for report in ordered for message in report.errors} | set(errors))
    return msgspec.structs.replace(
        ordered[0],
        libraries=_union(ordered),
        errors=tuple(messages),
        processes=sum(report.processes for report in ordered),
        distributions=tuple(sorted({name for report in ordered for name in report.distributions})),
        foreign_modules=tuple(sorted({name for report in ordered for name in report.foreign_modules})),
        sources=tuple(sorted({file for report in ordered for file in report.sources})),
        disagreements=diff_ranks(ordered),
        extension_modules=max(report.extension_modules for report in ordered),
    )


def add_entries(observation: Observation, entries: Iterable[JournalEntry]) -> Observation:
    """Return the observation with what the processes' journals tell, each thing once and in order of place."""
    seeds: set[SeedCall] = set(observation.seeds)
    unseeded = set(observation.unseeded)
    opened: set[OpenedFile] = set(observation.opened)
    reached: set[str] = set(observation.reached)
    for entry in entries:
        seeds |= {entry.seed} if entry.seed else set()
        unseeded |= {entry.unseeded} if entry.unseeded else set()
        opened |= {entry.opened} if entry.opened else set()
        reached |= {entry.reached.path} if entry.reached else set()
    return msgspec.structs.replace(
        observation,
        seeds=tuple(sorted(seeds, key=_by_place)),
        unseeded=tuple(sorted(unseeded)),
        opened=tuple({file.path: file for file in sorted(opened)}.values()),
        reached=tuple(sorted(reached)),
    )


def _by_place(seed: SeedCall) -> tuple[str, int, str, int]:
    file, _, line = seed.place.rpartition(":")
    return file, int(line) if line.isdecimal() else 0, seed.call, -1 if seed.seed is None else seed.seed


def _union(reports: Iterable[Observation]) -> tuple[LoadedLibrary, ...]:
    libraries = {library for report in reports for library in report.libraries}
    return tuple(sorted(libraries, key=msgspec.structs.astuple))


def _read(path: Path) -> Observation:
    source = f"report {path.name}"
    return convert(_decode(_bytes(path, source), source), Observation, source=source)


def _read_journal(path: Path) -> list[JournalEntry]:
    """Read a journal; the last line of a process that was killed may be cut short."""
    source = f"journal {path.name}"
    lines = _bytes(path, source).split(b"\n")[:-1]
    return [convert(_decode(line, source), JournalEntry, source=source) for line in lines]


def _bytes(path: Path, source: str) -> bytes:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise InvalidFileError(f"{source}: is no regular file, or larger than {_MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InvalidFileError(f"{source}: {error}") from error


def _decode(data: bytes, source: str) -> object:
    try:
        return msgspec.json.decode(data)
    except (RecursionError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{source}: {error}") from error
