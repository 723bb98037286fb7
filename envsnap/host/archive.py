"""Tar archives: written with the same bytes for the same files, and read as the hostile things that they may be."""

import io
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from envsnap.errors import BundleError
from envsnap.host.files import replacing

COPY_BYTES = 1024 * 1024
LONGEST_HEADER = 64 * 1024
"""tarfile reads a long name whole: an archive could make it read gigabytes."""
EXECUTABLE, PLAIN = 0o755, 0o644
KNOWN_HEADERS = frozenset({"path", "linkpath", "size", "hdrcharset"})
"""The extended headers that :func:`write_tar` needs for long names, names that are not UTF-8, and large files."""
FORBIDDEN_PARTS = frozenset({"", ".", ".."})
HIDDEN = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class TarMember:
    """One file to write.

    Args:
        name: in the archive.
        contents: its bytes, or the file that holds them.
        size: in bytes.
        executable: whether it may be executed.
        link: what it points to, for a symbolic link, which has no contents.
    """

    name: str
    contents: bytes | Path = b""
    size: int = 0
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundMember:
    """One file in an archive: ``offset`` is where its ``size`` bytes begin; a link has none."""

    name: str
    offset: int
    size: int
    executable: bool
    link: str | None


def write_tar(path: Path, members: Iterable[TarMember]) -> None:
    """Write an archive; a reader sees the whole one or none. Equal members give equal bytes.

    Raises:
        OSError: a file cannot be read or written, or has another size than it is said to have.
    """
    with (
        replacing(path, PLAIN) as file,
        tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member in members:
            _add(archive, member)


def _add(archive: tarfile.TarFile, member: TarMember) -> None:
    header = tarfile.TarInfo(member.name)
    header.mode = EXECUTABLE if member.executable or member.link is not None else PLAIN
    if member.link is not None:
        header.type, header.linkname = tarfile.SYMTYPE, member.link
        archive.addfile(header)
        return
    header.size = member.size
    with _open(member.contents) as source:
        archive.addfile(header, source)
        if source.read(1):
            raise OSError(f"{member.name} is longer than {member.size:,} bytes: it was changed meanwhile")


def _open(contents: bytes | Path) -> IO[bytes]:
    return io.BytesIO(contents) if isinstance(contents, bytes) else contents.open("rb")


def read_members(path: Path) -> Iterator[FoundMember]:
    """Give the files and links of an archive, in its order, without reading their contents.

    Raises:
        BundleError: it is no plain tar archive, is cut off, or holds a name that leaves its folder or leads into
            ``.git``, a name that is there twice, or what is neither a file nor a symbolic link.
    """
    seen: set[str] = set()
    try:
        with path.open("rb") as file, tarfile.open(fileobj=_Headers(file), mode="r:") as archive:
            end = path.stat().st_size
            for member in archive:
                _check(member, path, archive.pax_headers)
                if member.name in seen:
                    raise BundleError(f"{path} holds {member.name!r} twice; nothing was taken from it")
                seen.add(member.name)
                if member.offset_data + member.size > end:
                    raise tarfile.ReadError("it is cut off")
                yield _found(member)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise BundleError(f"{path} is no whole tar archive: {error}; fetch it again") from error


def _found(member: tarfile.TarInfo) -> FoundMember:
    return FoundMember(
        name=member.name,
        offset=member.offset_data,
        size=member.size,
        executable=bool(member.mode & 0o111),
        link=member.linkname if member.issym() else None,
    )


def _check(member: tarfile.TarInfo, path: Path, common_headers: Mapping[str, str]) -> None:
    shown = repr(member.name[:200])
    if not is_inside(member.name):
        raise BundleError(f"{path} holds {shown}, a name that leaves its folder; nothing was taken from it")
    plain = member.type in {tarfile.REGTYPE, tarfile.SYMTYPE} and not member.issparse()
    if not plain or common_headers or not member.pax_headers.keys() <= KNOWN_HEADERS or member.size < 0:
        raise BundleError(
            f"{path} holds {shown}, which is neither a plain file nor a symbolic link; nothing was taken from it"
        )


def is_inside(name: str) -> bool:
    """Whether a name is a relative path whose every part is a plain name, none of them git's own folder."""
    parts = name.split("/")
    return not HIDDEN.search(name) and not any(part in FORBIDDEN_PARTS or _is_git(part) for part in parts)


def _is_git(part: str) -> bool:
    """Git runs what it finds in ``.git``, however a file system spells it: https://git-scm.com/docs/git-config#Documentation/git-config.txt-coreprotectHFS."""
    plain = "".join(character for character in part if ord(character) < 128).lower().rstrip(" .")  # noqa: PLR2004
    return plain in {".git", "git~1"} or plain.startswith(".git:")


def leads_outside(name: str, link: str) -> bool:
    """Whether the symbolic link ``name`` could point out of the folder that the archive is unpacked into.

    Steps upwards are allowed at the start alone, and no more than the link lies deep: where no file lies under a link,
    whatever a chain of such links leads to stays inside.
    """
    parts = link.split("/")
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return (
        link.startswith("/")
        or HIDDEN.search(link) is not None
        or climbs > name.count("/")
        or (any(part == ".." or _is_git(part) for part in parts[climbs:]))
    )


def unpack(path: Path, folder: Path) -> None:
    """Write the files of an archive into ``folder``, which is there and empty; links come last.

    Raises:
        BundleError: see :func:`read_members`; or a link leads out of the folder, or a file lies under a link.
        OSError: a file cannot be written.
    """
    members = tuple(read_members(path))
    links = {member.name: member.link for member in members if member.link is not None}
    _check_links(path, [member.name for member in members], links)
    with path.open("rb") as archive:
        for member in members:
            if member.link is None:
                _write(archive, member, folder / member.name)
    for name, link in links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(link)


def _check_links(path: Path, names: Iterable[str], links: dict[str, str]) -> None:
    for name, link in links.items():
        if leads_outside(name, link):
            raise BundleError(
                f"{path} holds {name!r}, a link out of its folder to {link[:200]!r}; nothing was unpacked"
            )
    for name in names:
        parts = name.split("/")
        if any("/".join(parts[:depth]) in links for depth in range(1, len(parts))):
            raise BundleError(f"{path} holds {name!r}, which lies under a link; nothing was unpacked")


def _write(archive: IO[bytes], member: FoundMember, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    archive.seek(member.offset)
    # O_EXCL: on a file system that knows no case two names can be one
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(target, flags, EXECUTABLE if member.executable else PLAIN), "wb") as file:  # noqa: PTH123
        file.writelines(read_exactly(archive, member.size))


def read_exactly(source: IO[bytes], size: int) -> Iterator[bytes]:
    """Give ``size`` bytes in blocks.

    Raises:
        EOFError: the source has fewer.
    """
    left = size
    while left:
        block = source.read(min(left, COPY_BYTES))
        if not block:
            raise EOFError(f"{left} bytes are missing")
        yield block
        left -= len(block)


def check_links(folder: Path) -> None:
    """Hold every link in a folder to the rule of :func:`unpack`: a patch can make links too.

    Raises:
        BundleError: one leads out.
    """
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink():
                shown, link = path.relative_to(folder).as_posix(), os.fspath(path.readlink())
                if leads_outside(shown, link):
                    raise BundleError(f"{shown!r} is a link out of its folder to {link[:200]!r}; nothing was unpacked")


class _Headers(io.RawIOBase):
    """An archive of which only headers are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)
