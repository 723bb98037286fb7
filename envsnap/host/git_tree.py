"""The files of a commit, as git holds them: no filter, line ending or attribute of this machine changes a byte."""

import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import BundleError
from envsnap.host.archive import TarMember, is_inside, leads_outside
from envsnap.host.files import in_batches
from envsnap.host.git import LFS_POINTER, LFS_POINTER_BYTES, ask
from envsnap.host.output import KEPT_BYTES
from envsnap.host.process import run

BATCH_BYTES = 32 * 2**20
"""What one answer of git may hold; a larger file is written out by git itself."""
ROW = re.compile(r"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(-|\d+)\t(.*)", re.DOTALL)
MOST_NAMES = 5
LINK, SUBMODULE, EXECUTABLE = "120000", "160000", "100755"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a commit: its git mode, the blob that holds it, its size in bytes, and its path."""

    mode: str
    blob: str
    size: int
    path: str


def top_and_place(folder: Path) -> tuple[Path, str] | None:
    """Return the top of the working tree that holds ``folder``, and where in it the folder lies ("" for the top)."""
    top, place = ask(folder, "rev-parse", "--show-toplevel"), ask(folder, "rev-parse", "--show-prefix")
    return (Path(top), place.rstrip("/")) if top and place is not None else None


def holds_commit(top: Path, commit: str) -> bool:
    """Whether the repository has the commit."""
    return ask(top, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def commit_members(top: Path, commit: str, warn: Callable[[str], object], *, below: str = "") -> Iterator[TarMember]:
    """Give every file of a commit, those of its submodules too, in order of their paths.

    Args:
        top: of the working tree.
        commit: which one.
        warn: told what is left out: a submodule that is not here, a link that leads out of the tree, Git LFS's files.
        below: the folder in which all of them come to lie.

    Raises:
        BundleError: git cannot read the commit.
    """
    files = _list(top, commit)
    plain = [file for file in files if file.mode != SUBMODULE and is_inside(file.path)]
    for name in sorted({file.path for file in files if file.mode != SUBMODULE} - {file.path for file in plain}):
        warn(f"{below}{name} has a name that no archive may hold: it is left out of the source")
    pointers: list[str] = []
    with tempfile.TemporaryDirectory(prefix="envsnap-source-") as scratch:
        for batch in in_batches(((file.size, file) for file in plain), BATCH_BYTES):
            for file, contents in _read(top, batch, Path(scratch)):
                if isinstance(contents, bytes) and file.size <= LFS_POINTER_BYTES and LFS_POINTER.match(contents):
                    pointers.append(f"{below}{file.path}")
                member = _member(file, contents, below)
                if member.link is not None and leads_outside(member.name, member.link):
                    warn(f"{member.name} is a link out of the source: it is left out")
                else:
                    yield member
    if pointers:
        more = f" and {len(pointers) - MOST_NAMES} more" if len(pointers) > MOST_NAMES else ""
        warn(
            f"the source holds Git LFS pointers, and not the files that they stand for: "
            f"{', '.join(pointers[:MOST_NAMES])}{more}; bring those along yourself"
        )
    for module in (file for file in files if file.mode == SUBMODULE):
        if holds_commit(top / module.path, module.blob):
            yield from commit_members(top / module.path, module.blob, warn, below=f"{below}{module.path}/")
        else:
            warn(f"the submodule {below}{module.path} is not checked out here: it is left out of the source")


def _list(top: Path, commit: str) -> list[TreeFile]:
    done = run(("git", "ls-tree", "-r", "-z", "-l", "--full-tree", commit), cwd=top, env=os.environ)
    if done.exit_code:
        raise BundleError(f"git cannot list commit {commit[:12]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    lines = [line for line in done.stdout.decode("utf-8", "surrogateescape").split("\0") if line]
    rows = list(map(ROW.fullmatch, lines))
    if not all(rows) or len(done.stdout) >= KEPT_BYTES:
        raise BundleError(f"git's list of commit {commit[:12]} cannot be read: it is longer than {KEPT_BYTES:,} bytes")
    return [TreeFile(row[1], row[3], int(row[4]) if row[4] != "-" else 0, row[5]) for row in rows if row]


def _read(top: Path, batch: Sequence[TreeFile], scratch: Path) -> Iterator[tuple[TreeFile, bytes | Path]]:
    if batch[0].size > BATCH_BYTES:
        yield batch[0], _write_out(top, batch[0], scratch)
        return
    asked = "".join(f"{file.blob}\n" for file in batch).encode()
    done = run(("git", "cat-file", "--batch=%(objectname) %(objectsize)"), cwd=top, env=os.environ, stdin=asked)
    stream = io.BytesIO(done.stdout)
    for file in batch:
        if stream.readline().decode("ascii", "replace").split() != [file.blob, str(file.size)]:
            raise BundleError(f"git cannot read {file.path}: {done.stderr.decode('utf-8', 'replace').strip()}")
        yield file, stream.read(file.size + 1)[:-1]


def _write_out(top: Path, file: TreeFile, scratch: Path) -> Path:
    """Let git write one large file into a folder of ours: what a process prints is kept up to a limit."""
    repository = ask(top, "rev-parse", "--absolute-git-dir") or ""
    command = ("git", f"--git-dir={repository}", f"--work-tree={scratch}", "unpack-file", file.blob)
    done = run(command, cwd=scratch, env=os.environ)
    if done.exit_code:
        raise BundleError(f"git cannot write {file.path}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return scratch / done.stdout.decode().strip()


def _member(file: TreeFile, contents: bytes | Path, below: str) -> TarMember:
    if file.mode == LINK:
        text = contents if isinstance(contents, bytes) else contents.read_bytes()
        return TarMember(name=f"{below}{file.path}", link=os.fsdecode(text))
    return TarMember(name=f"{below}{file.path}", contents=contents, size=file.size, executable=file.mode == EXECUTABLE)


def apply_patch(folder: Path, patch: Path) -> None:
    """Apply a kept patch to the files in ``folder``, which is in no repository; git itself refuses names that leave it.

    Raises:
        BundleError: it does not fit.
    """
    # Inside another repository git would take the paths for paths of that one, and skip them without a word.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent), "LC_ALL": "C"}
    kept = {name: value for name, value in env.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    done = run(("git", "apply", "--whitespace=nowarn", str(patch.resolve())), cwd=folder, env=kept)
    if done.exit_code:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise BundleError(f"the uncommitted changes do not fit the bundle's source: {said}")
