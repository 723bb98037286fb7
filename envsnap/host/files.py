"""Files on this machine: atomic writes, hashing, free space, and the project's lock against a second run."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from envsnap.errors import DiskFullError, UsageError
from envsnap.host.own_places import WORK

T = TypeVar("T")
FULL = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
"""What writing gives where a disk, a quota or a limit is reached."""


def atomic_write(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader, or a crash at any moment, sees the old bytes or the new.

    A file that was there keeps its permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()) as file:
        file.write(data)
    _sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Give a file to write, which takes the place of ``path`` when it is whole, with the permissions ``mode``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # it is gone already where it took the file's place


@contextlib.contextmanager
def room_for(what: str) -> Iterator[None]:
    """Tell a disk or quota that is full, while ``what`` is written, from what else can go wrong.

    Raises:
        DiskFullError: no room is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFullError(f"{what} cannot be kept: {error.strerror}; make room, and run the command again") from error


def free_space(path: Path) -> tuple[int, int] | None:
    """Return the file system's number and the bytes that this user may still write at ``path``.

    A folder that is not there yet is judged by the nearest one above it. None: it cannot be told.
    """
    for place in (path, *path.parents):
        try:
            return place.stat().st_dev, shutil.disk_usage(place).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None


def remove_unfinished(path: Path) -> None:
    """Remove what writes of ``path`` that were killed left beside it."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        temporary.unlink(missing_ok=True)


def sha256_file(path: Path) -> tuple[str, int]:
    """Return the SHA-256 in hexadecimal and the size in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def link_or_copy(source: Path, target: Path) -> Path:
    """Make ``target`` the same file as ``source``, by a hard link where the file system allows one; return it."""
    if target.exists() and target.samefile(source):
        return target
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".link-") as scratch:
        temporary = Path(scratch) / "file"
        try:
            # A link to a link would follow the first one's fate: https://man7.org/linux/man-pages/man2/link.2.html
            os.link(source.resolve(), temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    return target


def in_batches(sized: Iterable[tuple[int, T]], most_bytes: int, most: int = sys.maxsize) -> Iterator[list[T]]:
    """Group what comes with its size: at most ``most`` members and ``most_bytes`` a group, or a larger one alone."""
    batch: list[T] = []
    total = 0
    for size, item in sized:
        if batch and (total + size > most_bytes or len(batch) == most):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch


def relative_to(path: Path, folder: Path) -> str:
    """Spell ``path`` relative to ``folder``, with ``..`` where it lies outside."""
    return Path(os.path.relpath(path, folder)).as_posix()


def work_folder(project: Path) -> Path:
    """Return the project's ``.envsnap`` folder, made if need be; it ignores itself in git."""
    folder = project / WORK
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


@contextlib.contextmanager
def exclusive(project: Path) -> Iterator[None]:
    """Hold the project for one command; the operating system lets go of it even after a kill.

    Raises:
        UsageError: another envsnap command works in the project.
    """
    with (work_folder(project) / "busy").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another envsnap command is at work in {project}: wait until it ends, or end it"
            ) from error
        yield


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
