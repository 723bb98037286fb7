"""The job's inputs: which files they are, and their digests."""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.capture.input_hashes import InputHashes, hash_inputs
from envsnap.errors import InputError
from envsnap.host.files import sha256_bytes
from envsnap.manifest.job import Datum


@dataclass(frozen=True, slots=True)
class CapturedData:
    """Inputs as found.

    Args:
        data: one for each input, in order of path.
        listings: by a folder's digest, its listing: ``sha256 size path`` a line, the path escaped (see ``_escape``).
        outside: where inputs really lie when that is not in the project: a container must see those places too.
    """

    data: tuple[Datum, ...] = ()
    listings: Mapping[str, str] = field(default_factory=dict)
    outside: tuple[Path, ...] = ()


def capture_data(patterns: Iterable[str], project: Path, cache: InputHashes | None = None) -> CapturedData:
    """Hash every input.

    Args:
        patterns: globs, relative to ``project`` or absolute; ``**`` matches folders at any depth. A folder that
            is named itself is one input with a digest over its listing.
        project: the project's folder.
        cache: digests that are known, as :meth:`InputHashes.of` gives them; None reads every file.

    Raises:
        InputError: a pattern matches nothing, or an input cannot be read.
    """
    paths = sorted({path for pattern in patterns for path in _expand(pattern, project)})
    data: list[Datum] = []
    listings: dict[str, str] = {}
    linked: list[Path] = []
    folders = {path for path in paths if _is_folder(path, project)}
    for path in sorted(folders):
        names = sorted(_walk(project / path, linked))
        listing = _listing(project / path, names, cache)
        datum = _tree(path, listing)
        listings[datum.sha256] = listing
        data.append(datum)
    files = [path for path in paths if path not in folders]
    data += [
        Datum(path=path, size=size, sha256=sha)
        for path, (sha, size) in zip(files, _hash(files, project, cache), strict=True)
    ]
    return CapturedData(
        tuple(sorted(data, key=lambda datum: datum.path)), listings, _outside((*paths, *map(str, linked)), project)
    )


def check_data(locked: Iterable[Datum], found: CapturedData, listings: Mapping[str, str]) -> tuple[str, ...]:
    """Name every input that is not the one recorded; ``listings`` are the recorded ones.

    Returns:
        One sentence for each input that differs, is missing, or is new.
    """
    expected = {datum.path: datum for datum in locked}
    actual = {datum.path: datum for datum in found.data}
    problems = []
    for path in sorted(expected.keys() | actual.keys()):
        if path not in actual:
            problems.append(f"{path} is missing")
        elif path not in expected:
            problems.append(f"{path} is new: the lock does not have it")
        elif expected[path].sha256 != actual[path].sha256:
            problems += _describe_change(expected[path], actual[path], listings, found.listings)
    return tuple(problems)


def _describe_change(locked: Datum, found: Datum, recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    before, after = recorded.get(locked.sha256), current.get(found.sha256)
    if before is not None and after is not None:
        old, new = set(_lines(before)), set(_lines(after))
        names = sorted({line.split(" ", 2)[2] for line in old ^ new})
        return [f"{locked.path}/{name} differs from the lock" for name in names]
    size = f"{locked.size} -> {found.size} bytes" if locked.size != found.size else f"{found.size} bytes as before"
    return [f"{locked.path} differs from the lock: sha256 {locked.sha256[:12]} -> {found.sha256[:12]}, {size}"]


def _expand(pattern: str, project: Path) -> list[str]:
    matches = glob.glob(pattern, root_dir=project, recursive=True)  # noqa: PTH207 - takes absolute patterns too
    if "**" in pattern:
        matches = [match for match in matches if not _is_folder(match, project)]
    if not matches:
        raise InputError(
            f"input '{pattern}' matches nothing in {project}: fetch the data, or correct job.inputs in envsnap.toml"
        )
    return [os.path.normpath(match) for match in matches]


def _is_folder(path: str, project: Path) -> bool:
    # os.path, here and below: pathlib takes a second longer for the globs of twenty thousand files.
    return os.path.isdir(os.path.join(project, path))  # noqa: PTH112, PTH118


def _hash(files: list[str], folder: Path, cache: InputHashes | None) -> list[tuple[str, int]]:
    paths = [os.path.join(folder, name) for name in files]  # noqa: PTH118
    return [(hashed.digest, hashed.size) for hashed in hash_inputs(paths, cache)]


def _walk(folder: Path, linked: list[Path], below: str = "", parents: frozenset[str] = frozenset()) -> Iterator[str]:
    """Give the files of a folder, through links too; links are noted in ``linked``, a loop of them is refused."""
    real = os.path.realpath(folder / below)
    if real in parents:
        raise InputError(f"input folder {folder / below} links to a folder that holds it; remove that link")
    for entry in _scan(folder / below):
        name = f"{below}{entry.name}"
        if entry.is_symlink():
            linked.append(folder / name)
        if entry.is_dir():
            yield from _walk(folder, linked, f"{name}/", parents | {real})
        else:
            yield name


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"input folder {folder} cannot be read: {error.strerror}") from error


def _listing(folder: Path, names: list[str], cache: InputHashes | None) -> str:
    rows = zip(names, _hash(names, folder, cache), strict=True)
    return "".join(f"{sha} {size} {_escape(name)}\n" for name, (sha, size) in rows)


def _escape(name: str) -> str:
    r"""Write a name as text of one line: backslashes and line ends escaped, bytes that are not UTF-8 as ``\xNN``."""
    plain = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _lines(listing: str) -> list[str]:
    """Split at newlines alone: ``splitlines`` knows ten more separators, and a file's name can hold them."""
    return listing.split("\n")[:-1]


def _tree(path: str, listing: str) -> Datum:
    rows = _lines(listing)
    if not rows:
        raise InputError(f"input folder {path} holds no files: fetch the data, or correct job.inputs in envsnap.toml")
    size = sum(int(row.split(" ", 2)[1]) for row in rows)
    return Datum(path=path, size=size, sha256=sha256_bytes(listing.encode()), files=len(rows))


def _outside(paths: Iterable[str], project: Path) -> tuple[Path, ...]:
    """Return where inputs really lie when that is not in the project; links on the way are followed once a folder."""
    root = os.path.realpath(project)
    parents: dict[str, str] = {}
    real = {_real(os.path.join(project, path), parents) for path in paths}  # noqa: PTH118
    return tuple(
        sorted(Path(path) for path in real if path != root and not path.startswith(root.rstrip(os.sep) + os.sep))
    )


def _real(path: str, parents: dict[str, str]) -> str:
    folder, name = os.path.split(path)
    if folder not in parents:
        parents[folder] = os.path.realpath(folder)
    real = os.path.join(parents[folder], name)  # noqa: PTH118
    return os.path.realpath(real) if os.path.islink(real) or name in {"", ".", ".."} else real  # noqa: PTH114


def check_untouched(
    patterns: Iterable[str], project: Path, before: CapturedData, cache: InputHashes | None = None
) -> None:
    """Find out whether the job changed its own inputs: the next run, and the baseline, would rest on other data.

    Raises:
        InputError: names each input that is not as it was before the runs.
    """
    if not before.data:
        return
    problems = check_data(before.data, capture_data(patterns, project, cache), before.listings)
    if problems:
        lines = "".join(f"\n  {problem.replace('from the lock', 'from before the run')}" for problem in problems)
        raise InputError(f"the job changed its own inputs:{lines}\nLet it write to another place")
