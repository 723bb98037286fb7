"""From the environment's shared objects to the system's libraries that they need, and what those need in turn."""

from __future__ import annotations

import os
from typing import NamedTuple

from .elf import Elf, ElfReader, LinkerScriptError, NotElfError
from .extensions import SharedObject, executable
from .loader import Loader


class Needs(NamedTuple):
    """What the environment needs of the system.

    ``found`` has the names by path; ``missing`` who needs what is not there; ``unreadable`` has reasons by path.
    """

    found: dict[str, set[str]]
    missing: dict[str, list[str]]
    unreadable: dict[str, str]


def system_needs(reader: ElfReader, objects: list[SharedObject]) -> Needs:
    """Read the environment's shared objects, and find the system's libraries that they and the interpreter need.

    Raises:
        NotElfError: the interpreter itself is no ELF file.
    """
    return _Search(reader, reader.read(executable())).run(objects)


class _Search:
    """The libraries read so far; those of another processor are not this interpreter's and are left out."""

    def __init__(self, reader: ElfReader, program: Elf) -> None:
        self._reader, self._program = reader, program
        self._read: dict[str, Elf | None] = {}
        self._needs = Needs({}, {}, {})

    def run(self, objects: list[SharedObject]) -> Needs:
        """Read, find, and follow what is found until nothing new is needed."""
        own = [(item, elf) for item in objects for elf in [self._own(item.path)] if elf is not None]
        owned = frozenset(item.path for item, _ in own)
        names = {os.path.basename(path) for path in owned} | {elf.soname for _, elf in own}
        loader = Loader(executable(), self._program, owned, lambda path: self._fitting(path) is not None)
        waiting = [("%s (%s)" % (item.owner, item.name), item.path, elf) for item, elf in own]
        while waiting:
            label, path, elf = waiting.pop()
            for soname in elf.needed:
                target = loader.find(soname, elf, path)
                if not target and soname not in names:
                    self._needs.missing.setdefault(soname, []).append(label)
                elif target and target not in owned:
                    waiting += self._follow(soname, target)
        return self._needs

    def _follow(self, soname: str, target: str) -> list[tuple[str, str, Elf]]:
        """Note a system library; return it where it was not known, since it needs others itself."""
        is_new = target not in self._needs.found
        self._needs.found.setdefault(target, set()).add(soname)
        elf = self._fitting(target)
        return [(target, target, elf)] if is_new and elf is not None else []

    def _own(self, path: str) -> Elf | None:
        """Read a file of the environment; one that is named as a shared object and is none is noted."""
        if not os.path.lexists(path):
            return None
        try:
            elf = self._reader.read(path)
        except LinkerScriptError:
            return None
        except NotElfError as error:
            self._needs.unreadable[path] = str(error)
            return None
        return elf if elf.machine == self._program.machine else None

    def _fitting(self, path: str) -> Elf | None:
        if path not in self._read:
            try:
                elf = self._reader.read(path)
            except NotElfError:
                self._read[path] = None
            else:
                self._read[path] = elf if elf.machine == self._program.machine else None
        return self._read[path]
