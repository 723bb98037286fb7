"""Holds installed files against what their records say, in parallel."""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .recorded import RecordedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ALGORITHMS = ("sha256", "sha384", "sha512", "sha224", "sha1", "md5", "blake2b", "blake2s")
LARGEST_FILE = 64 * 1024 * 1024 * 1024
BLOCK = 1024 * 1024
BATCH_FILES, BATCH_BYTES = 64, 8 * 1024 * 1024
EDITED, MISSING, UNREADABLE = "edited-file", "missing-file", "unreadable"


class Problem(NamedTuple):
    """A file that is not as recorded."""

    expected: RecordedFile
    kind: str
    detail: str


class BatchResult(NamedTuple):
    """What was found of some files, and how many bytes were hashed."""

    problems: list[Problem]
    size: int


def check_all(expected: Iterable[RecordedFile]) -> tuple[list[Problem], int, int]:
    """Hold every file against its records; return what is wrong, how many files there are, and the bytes hashed.

    Threads suffice: hashing and reading leave the interpreter lock, and waiting for a disk does too.
    """
    by_place: dict[str, list[RecordedFile]] = {}
    for entry in expected:
        by_place.setdefault(entry.place, []).append(entry)
    with ThreadPoolExecutor(max_workers=_workers()) as pool:
        results = list(pool.map(_check_batch, list(_batches(by_place.values()))))
    problems = [problem for result in results for problem in result.problems]
    return problems, len(by_place), sum(result.size for result in results)


def _workers() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(32, 2 * cores)


def _batches(places: Iterable[list[RecordedFile]]) -> Iterator[list[list[RecordedFile]]]:
    """Group small files, since handing over costs as much as hashing one; the largest come first."""
    batch: list[list[RecordedFile]] = []
    size = 0
    for rows in sorted(places, key=lambda rows: -rows[0].size):
        batch.append(rows)
        size += max(0, rows[0].size)
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _check_batch(batch: list[list[RecordedFile]]) -> BatchResult:
    results = [check(rows) for rows in batch]
    problems = [problem for result in results for problem in result.problems]
    return BatchResult(problems, sum(result.size for result in results))


def check(rows: list[RecordedFile]) -> BatchResult:
    """Hold one file against each record that names it. What is no plain file is never opened: it could wait forever."""
    place = rows[0].place
    try:
        status = os.stat(place)
    except (FileNotFoundError, NotADirectoryError):
        gone = "it is a link to what is not there" if os.path.islink(place) else "it is not there"
        return BatchResult([Problem(row, MISSING, gone) for row in rows], 0)
    except OSError as error:
        return BatchResult([Problem(row, UNREADABLE, "it cannot be read: %s" % error.strerror) for row in rows], 0)
    if not stat.S_ISREG(status.st_mode):
        # conda's links may lead to folders; a RECORD names files alone.
        named = [row for row in rows if row.algorithm]
        return BatchResult([Problem(row, EDITED, "it is no plain file") for row in named], 0)
    return _check_contents(rows, status.st_size)


def _check_contents(rows: list[RecordedFile], size: int) -> BatchResult:
    problems = [problem for problem in (_without_reading(row, size) for row in rows) if problem]
    settled = {problem.expected for problem in problems}
    open_rows = [row for row in rows if row.algorithm and row not in settled]
    if not open_rows:
        return BatchResult(problems, 0)
    try:
        digests = digests_of(rows[0].place, {row.algorithm for row in open_rows})
    except (OSError, ValueError) as error:  # a machine in FIPS mode refuses the older algorithms
        unread = [Problem(row, UNREADABLE, "it cannot be hashed: %s" % error) for row in open_rows]
        return BatchResult(problems + unread, 0)
    equal = [row for row in open_rows if digests[row.algorithm] == row.digest]
    beside = "; it is the one of " + equal[0].owner.folder if equal else ""
    problems += [
        Problem(row, EDITED, "its " + row.algorithm + " is not the recorded one" + beside)
        for row in open_rows
        if row not in equal
    ]
    return BatchResult(problems, size)


def _without_reading(row: RecordedFile, size: int) -> Problem | None:
    if row.algorithm and row.algorithm not in ALGORITHMS:
        return Problem(row, UNREADABLE, "its record names a hash that is not known: %s" % row.algorithm[:32])
    if row.size not in (-1, size):
        return Problem(row, EDITED, "it has %d bytes, recorded are %d" % (size, row.size))
    if row.algorithm and size > LARGEST_FILE:
        return Problem(row, UNREADABLE, "it has %d bytes: more than are hashed" % size)
    return None


def digests_of(place: str, algorithms: set[str]) -> dict[str, bytes]:
    """Hash a plain file once for all ``algorithms``; one that grows meanwhile is read to the size it had."""
    hashes = {name: hashlib.new(name) for name in algorithms}
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        left = os.fstat(descriptor).st_size
        while left > 0:
            block = os.read(descriptor, min(BLOCK, left))
            if not block:
                break
            left -= len(block)
            for each in hashes.values():
                each.update(block)
    finally:
        os.close(descriptor)
    return {name: each.digest() for name, each in hashes.items()}
