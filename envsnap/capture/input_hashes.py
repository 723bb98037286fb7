"""The digests of many input files: every core reads, the largest first, and what is known is not read again.

Files go to threads. Many small ones that no earlier command hashed go to processes instead: the interpreter's lock
would make threads wait for one another.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Event

from envsnap.errors import InputError
from envsnap.host.cache import CacheFile
from envsnap.host.digests import RACY_NANOSECONDS, FileDigest, FileState, hash_apart, hash_regular
from envsnap.host.files import work_folder
from envsnap.inside.probe.machine import usable_cores

VERSION = 2
MOST_ENTRIES = 100_000
"""Of the cache: about 25 MB."""
BATCH_FILES = 64
BATCH_BYTES = 4 * 2**20
"""What one thread takes at a time: to hand over a small file alone costs as much as to hash it."""
SMALL_BYTES = 64 * 2**10
FEWEST_APART = 2_000
"""Small files for which processes are started: to start one costs as much as to hash some five hundred."""
MOST_APART = 5_000
"""Files that one process gets: after Ctrl-C the command waits for it."""


class InputHashes:
    """Digests of files by their state. The file is a cache: an unreadable one is as good as none.

    An entry stands for a file's path, device, inode, size and both times; the time of the inode's change cannot be
    set back, so that a file that was written has another state even where its size and its own time were restored.

    Args:
        path: the cache's file; None remembers nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = CacheFile(path, dict[str, tuple[FileState, str]], VERSION) if path else None
        self._entries = (self._file.load() if self._file else None) or {}
        self._fresh: dict[str, tuple[FileState, str]] = {}

    @classmethod
    def of(cls, project: Path) -> "InputHashes":
        """Open the cache of a project, in its ``.envsnap`` folder."""
        return cls(work_folder(project) / "cache" / "inputs.json")

    def find(self, path: str, state: FileState) -> str | None:
        """Return the digest of a file in exactly this state."""
        known, digest = self._entries.get(_key(path), (None, None))
        return digest if known == state else None

    def has_seen(self, path: str) -> bool:
        """Whether a file of this path was hashed before, in whatever state."""
        return _key(path) in self._entries

    def remember(self, path: str, hashed: FileDigest, started: int) -> None:
        """Keep a digest, unless the file may change without a trace.

        Args:
            path: the file.
            hashed: the digest, and the state it stands for.
            started: when the hashing began, in nanoseconds since 1970.
        """
        state = hashed.state
        if state is not None and max(state.modified, state.changed) < started - RACY_NANOSECONDS:
            self._fresh[_key(path)] = state, hashed.digest

    def save(self) -> None:
        """Write the cache, if anything is new; files of the last capture come first where there are too many."""
        if self._file is None or not self._fresh:
            return
        older = ((key, entry) for key, entry in self._entries.items() if key not in self._fresh)
        kept = dict(item for item, _ in zip(chain(self._fresh.items(), older), range(MOST_ENTRIES), strict=False))
        self._entries, self._fresh = kept, {}
        with contextlib.suppress(OSError):  # a full or read-only disk: the digests are right all the same
            self._file.save(kept)


def hash_inputs(paths: Sequence[str], cache: InputHashes | None = None) -> list[FileDigest]:
    """Hash files, in the order given.

    Args:
        paths: the files; links are followed.
        cache: what is known; it is brought up to date, and saved.

    Raises:
        InputError: one is not there, is no regular file, cannot be read, or changes while it is read.
    """
    known, started, stop = cache or InputHashes(), time.time_ns(), Event()

    def hash_batch(batch: Sequence[str]) -> list[FileDigest]:
        return [_hash_one(path, known, stop) for path in batch]

    def hash_in_process(batch: Sequence[str]) -> list[FileDigest]:
        return [] if stop.is_set() else _hash_apart(batch)

    sized, cores = _by_size(paths), usable_cores()
    small = _small_and_new(sized, known) if cores > 1 else []
    apart = set(small)
    batches = list(_batches((size, path) for size, path in sized if path not in apart))
    shares = list(_shares(small, cores))
    with ThreadPoolExecutor(max_workers=cores) as pool:
        try:
            begun = [pool.submit(hash_batch, batch) for batch in batches]
            begun += [pool.submit(hash_in_process, share) for share in shares]
            results = [one.result() for one in begun]
        finally:
            stop.set()  # after an error or Ctrl-C, a file of terabytes would keep the command waiting
    batches += shares
    found = dict(zip(chain.from_iterable(batches), chain.from_iterable(results), strict=True))
    for path, hashed in found.items():
        known.remember(path, hashed, started)
    known.save()
    return [found[path] for path in paths]


def _by_size(paths: Sequence[str]) -> list[tuple[int, str]]:
    """Return each file once with its size, the largest first: the last to end is then a small one."""
    return sorted(((_size(path), path) for path in set(paths)), key=lambda item: (-item[0], item[1]))


def _small_and_new(sized: Sequence[tuple[int, str]], known: InputHashes) -> list[str]:
    """Return the small files that were never hashed, in order of path; none where they are few."""
    small = [path for size, path in sized if size < SMALL_BYTES and not known.has_seen(path)]
    return sorted(small) if len(small) >= FEWEST_APART else []


def _shares(paths: Sequence[str], cores: int) -> Iterator[Sequence[str]]:
    count = min(MOST_APART, -(-len(paths) // cores)) or 1
    yield from (paths[start : start + count] for start in range(0, len(paths), count))


def _batches(sized: Iterable[tuple[int, str]]) -> Iterator[Sequence[str]]:
    """Group the files for the threads."""
    batch: list[str] = []
    total = 0
    for size, path in sized:
        if batch and (total + size > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, total = [], 0
        batch.append(path)
        total += size
    if batch:
        yield batch


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - of a hundred thousand files
    except OSError:
        return 0  # hashing it says what is wrong


def _hash_one(path: str, known: InputHashes, stop: Event) -> FileDigest:
    try:
        found = hash_regular(path, lambda state: known.find(path, state), stop.is_set)
    except OSError as error:
        raise _unreadable(Path(path), error) from error
    return _checked(path, found, is_whole=not stop.is_set())


def _hash_apart(paths: Sequence[str]) -> list[FileDigest]:
    hashed = []
    for path, (errno, found) in zip(paths, hash_apart(paths), strict=True):
        if errno:
            raise _unreadable(Path(path), OSError(errno, os.strerror(errno)))
        hashed.append(_checked(path, found, is_whole=True))
    return hashed


def _checked(path: str, found: FileDigest | None, *, is_whole: bool) -> FileDigest:
    if found is None:
        raise InputError(f"input {path} is not a regular file; inputs are files or folders of files")
    if found.state is None and is_whole:
        raise InputError(f"input {path} changed while it was read: end what writes to it")
    return found


def _unreadable(path: Path, error: OSError) -> InputError:
    if path.is_symlink() and not path.exists():
        return InputError(f"input {path} is a link to {path.readlink()}, which is not there: fetch the data")
    return InputError(f"input {path} cannot be read: {error.strerror}")


def _key(path: str) -> str:
    """Spell a path so that JSON can hold it, whatever its bytes; the state tells apart what this may not."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
