"""Finds files in packages' own folders that no record names."""

from __future__ import annotations

import os
import re

from .recorded import RecordedFile, RecordOwner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOT_IMPORTED = (".dist-info", ".egg-info", ".data")


class RecordedPlaces:
    """The records' files and folders by their real places, since one folder can have two spellings (lib64)."""

    def __init__(self, known: Iterable[RecordedFile]) -> None:
        self.files: set[str] = set()
        self.owners: dict[str, RecordOwner] = {}
        self._real: dict[str, str] = {}
        for entry in known:
            folder, name = os.path.split(entry.place)
            real = self.real(folder)
            self.files.add(real + "/" + name)
            self._claim(real, entry.owner)

    def _claim(self, folder: str, owner: RecordOwner) -> None:
        """Give the folder, and those above it, to the first owner that names a file there."""
        while folder not in self.owners:
            self.owners[folder] = owner
            folder = os.path.dirname(folder)

    def real(self, folder: str) -> str:
        """Resolve a folder's links, each folder once."""
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]

    def owner_of(self, folder: str) -> RecordOwner:
        """Return whose files stand in ``folder``, or in the nearest one above it."""
        while folder not in self.owners:
            folder = os.path.dirname(folder)
        return self.owners[folder]


def extra_files(known: list[RecordedFile], unrecorded: Iterable[RecordOwner]) -> Iterator[tuple[RecordOwner, str]]:
    """Yield each file that no record names, with the owner of the folder it stands in and its path below the root.

    Looked through are import packages, and the folders below a namespace package that a record names files in;
    not those that a distribution without a record may have put there.
    """
    ground = RecordedPlaces(known)
    left_out = {(owner.root, name) for owner in unrecorded for name in _own_names(owner)}
    for root, top in sorted(_own_folders(known, ground, left_out)):
        real = ground.real(os.path.join(root, top))
        for path in _unknown_below(real, ground):
            yield ground.owner_of(os.path.dirname(path)), os.path.join(top, os.path.relpath(path, real))


def _own_folders(
    known: list[RecordedFile], ground: RecordedPlaces, left_out: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    found = set()
    for entry in known:
        parts = entry.path.split("/")
        root, top = entry.owner.root, parts[0]
        if len(parts) == 1 or top in ("", "..", "__pycache__") or top.endswith(NOT_IMPORTED) or (root, top) in left_out:
            continue
        if os.path.join(ground.real(root), top, "__init__.py") in ground.files:
            found.add((root, top))
        elif len(parts) > 2 and parts[1] not in ("..", "__pycache__"):  # noqa: PLR2004 - a folder below the namespace
            found.add((root, top + "/" + parts[1]))
    return found


def _own_names(owner: RecordOwner) -> list[str]:
    """Guess the import names of a distribution without a RECORD: by top_level.txt and by its own name."""
    try:
        with open(os.path.join(owner.root, owner.folder, "top_level.txt"), encoding="utf-8", errors="replace") as file:
            names = file.read(64 * 1024).split()
    except OSError:
        names = []
    return [*names, re.split(r"-\d", owner.folder.rsplit(".", 1)[0])[0].replace("-", "_").replace(".", "_")]


def _unknown_below(top: str, ground: RecordedPlaces) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(names) + links:
            path = folder + "/" + name
            if path not in ground.files and not name.endswith((".pyc", ".pyo")) and not _leads_to_known(path, ground):
                yield path


def _leads_to_known(path: str, ground: RecordedPlaces) -> bool:
    return os.path.isdir(path) and ground.real(path) in ground.owners
