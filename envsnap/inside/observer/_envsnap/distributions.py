"""Says which distributions the imported modules and the mapped libraries belong to, by RECORD."""

from __future__ import annotations

import base64
import os
import re
import sys

from .places import COMPILED, Places

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = re.compile(r"^(?P<name>.+?)-(?P<version>\d[^-]*|[^-]*\d[^-]*)(?:-.*)?\.(?:dist|egg)-info$")
PREFIX = "sha256="


class FileOwners:
    """What the RECORDs say of the files asked for.

    Args:
        distributions: ``name==version`` of those that own one of them, sorted.
        rows: by path: ``name==version``, the recorded SHA-256 in hexadecimal and size; both may be missing.
        modules: top-level modules that neither a RECORD, the standard library nor the job has, with their folder.
    """

    def __init__(self) -> None:
        self.distributions: list[str] = []
        self.rows: dict[str, tuple[str, str, int]] = {}
        self.modules: list[str] = []


def owners(libraries: Iterable[str], places: Places) -> FileOwners:
    """Ask the RECORDs beside the imported modules; a process without a foreign module reads none."""
    files = _module_files()
    foreign = {path: name for path, name in files.items() if not places.is_standard(path)}
    wanted = set(foreign) | set(libraries)
    owned = FileOwners()
    for root in _roots(wanted):
        _ask(root, wanted, files, owned)
    owned.distributions = sorted({row[0] for row in owned.rows.values()})
    known = {path.split("==")[0] for path in owned.distributions}
    rest = {(name, path) for path, name in foreign.items() if path not in owned.rows}
    owned.modules = sorted(_unowned(rest, known, places))
    return owned


def _module_files() -> dict[str, str]:
    """Return the top-level name by the absolute file of every imported module."""
    found = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.isabs(path) and not name.startswith(("_envsnap", "__mp_main__")):
            found[path] = name.partition(".")[0]
    return found


def _roots(wanted: set[str]) -> list[str]:
    roots = (os.path.abspath(entry) for entry in sys.path)
    return [root for root in dict.fromkeys(roots) if any(path.startswith(root + os.sep) for path in wanted)]


def _ask(root: str, wanted: set[str], files: dict[str, str], owned: FileOwners) -> None:
    below = {path[len(root) + 1 :] for path in wanted if path.startswith(root + os.sep)}
    for entry in sorted(os.listdir(root)) if os.path.isdir(root) else ():
        match = FOLDER.match(entry)
        if match is None:
            continue
        label = "{}=={}".format(re.sub(r"[-_.]+", "-", match.group("name")).lower(), match.group("version"))
        rows = _recorded(os.path.join(root, entry), below)
        for path in rows:
            owned.rows.setdefault(os.path.join(root, path), (label, *rows[path]))
        if not rows:
            tops = _top_level(os.path.join(root, entry))
            for path in below if tops else ():
                full = os.path.join(root, path)
                if files.get(full) in tops:
                    owned.rows.setdefault(full, (label, "", -1))


def _recorded(folder: str, below: set[str]) -> dict[str, tuple[str, int]]:
    found = {}
    for path, digest, size in _rows(os.path.join(folder, "RECORD")):
        if path in below:
            found[path] = (_hexadecimal(digest), int(size) if size.isdigit() else -1)
    return found


def _rows(record: str) -> Iterator[tuple[str, str, str]]:
    try:
        with open(record, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                # A path with a comma or a quote is quoted; none is a module or a library.
                path, _, rest = line.rstrip("\r\n").partition(",")
                digest, _, size = rest.rpartition(",")
                yield path, digest, size
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return


def _hexadecimal(digest: str) -> str:
    if not digest.startswith(PREFIX):
        return ""
    encoded = digest[len(PREFIX) :]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()


def _top_level(folder: str) -> set[str]:
    try:
        with open(os.path.join(folder, "top_level.txt"), encoding="utf-8") as file:
            return {line.strip() for line in file if line.strip()}
    except (OSError, UnicodeDecodeError):
        return set()


def _unowned(rest: set[tuple[str, str]], known: set[str], places: Places) -> set[str]:
    found = set()
    for name, path in rest:
        folder = os.path.dirname(path)
        inside = COMPILED in path or (path.startswith(places.folder + os.sep) and not places.is_package(path))
        if not inside and name not in ("__main__", "sitecustomize", "usercustomize") and name not in known:
            found.add("{} in {}".format(name, _top_folder(folder, name)))
    return found


def _top_folder(folder: str, name: str) -> str:
    while os.path.basename(folder) != name and os.sep + name + os.sep in folder:
        folder = os.path.dirname(folder)
    return os.path.dirname(folder) if os.path.basename(folder) == name else folder
