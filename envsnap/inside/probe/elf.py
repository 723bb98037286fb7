"""Reads what ELF files ask of the loader itself: pyelftools' ``ELFFile`` takes twice a freeze's time where all is new.

The answer is kept, but each installation and each new package of the system asks anew: 473 files take 0.11 s here and
0.59 s there, where every file's sections are walked too. The layouts are pyelftools' own
(https://github.com/eliben/pyelftools), which envsnap brings along. Only the program headers and the dynamic segment
are read, as the loader itself does: a file that was stripped of its sections can be read too.
"""

from __future__ import annotations

import os
import stat
import sys
from importlib import import_module, util
from typing import Any, BinaryIO, NamedTuple

MOST_ENTRIES = 4096
"""Of one table; real ones have some thirty, and a damaged file may claim any number."""
LONGEST_STRING = 1 << 20
"""Bytes. Bazel writes a RUNPATH of tens of thousands into TensorFlow's libraries."""
STRING_BLOCK = 4096
SHORTEST_HEADER = 52
"""Bytes of a header of 32 bits."""
MAGIC = b"\x7fELF"
SCRIPT_WORDS = (b"/* GNU ld script", b"INPUT", b"GROUP", b"OUTPUT_FORMAT")


Layout = Any
"""pyelftools makes its structures when a file is opened; the captured environment need not know their types."""


class Elf(NamedTuple):
    """What the dynamic segment says; ``machine`` is processor, word size and byte order."""

    machine: str
    soname: str
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


class NotElfError(Exception):
    """A file cannot be read as ELF; the message says what it is."""


class LinkerScriptError(NotElfError):
    """A text that stands for a library when a program is linked; the loader never opens it."""


class ElfReader:
    """Reads ELF files by the layouts of pyelftools, whose package lies in ``folder``."""

    def __init__(self, folder: str) -> None:
        self._structs = _load(folder, "elftools.elf.structs").ELFStructs
        self._parse = _load(folder, "elftools.common.utils").struct_parse
        self._failures = (_load(folder, "elftools.common.exceptions").ELFError, OSError, ValueError, OverflowError)
        self._layouts: dict[tuple[object, ...], Layout] = {}

    def read(self, path: str) -> Elf:
        """Read one file.

        Raises:
            NotElfError: it is no regular file, no ELF file, or a damaged one.
        """
        try:
            # A fifo of that name would block an ordinary open for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                return self._read(file)
        except self._failures as error:
            raise NotElfError("it is damaged or cannot be read: %s" % (error or type(error).__name__)) from error

    def _read(self, file: BinaryIO) -> Elf:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotElfError("it is no regular file")
        start = file.read(64)
        if start[:4] != MAGIC:
            raise _other_file(start)
        layout, header = self._layout(file, start)
        count, size = min(header["e_phnum"], MOST_ENTRIES), header["e_phentsize"]
        segments = [self._parse(layout.Elf_Phdr, file, header["e_phoff"] + index * size) for index in range(count)]
        dynamic = next((part for part in segments if part["p_type"] == "PT_DYNAMIC"), None)
        machine = "%s %s %s" % (header["e_machine"], layout.elfclass, "LE" if layout.little_endian else "BE")
        tags = self._tags(file, layout, dynamic) if dynamic is not None else []
        return _elf(file, machine, tags, segments)

    def _layout(self, file: BinaryIO, start: bytes) -> tuple[Layout, Layout]:
        """Return the layouts for this file's word size, byte order and processor, and its header."""
        if len(start) < SHORTEST_HEADER:
            raise NotElfError("it ends within its header")
        if start[4] not in (1, 2) or start[5] not in (1, 2):
            raise NotElfError("its word size or byte order is none that ELF knows")
        shape = (start[5] == 1, 32 * start[4])
        key = (*shape, start[7], start[18:20])
        layout = self._layouts.get(key)
        if layout is not None:
            return layout, self._parse(layout.Elf_Ehdr, file, 0)
        layout = self._structs(*shape)
        layout.create_basic_structs()
        header = self._parse(layout.Elf_Ehdr, file, 0)
        layout.create_advanced_structs(header["e_type"], header["e_machine"], header["e_ident"]["EI_OSABI"])
        self._layouts[key] = layout
        return layout, header

    def _tags(self, file: BinaryIO, layout: Layout, dynamic: Layout) -> list[tuple[str, int]]:
        size = layout.Elf_Dyn.sizeof()
        tags = []
        for index in range(min(dynamic["p_filesz"] // size, MOST_ENTRIES)):
            tag = self._parse(layout.Elf_Dyn, file, dynamic["p_offset"] + index * size)
            if tag["d_tag"] == "DT_NULL":
                break
            tags.append((tag["d_tag"], tag["d_val"]))
        return tags


def _load(folder: str, name: str) -> Layout:
    """Import a module of the package in ``folder`` by its name alone, so that nothing beside it can be imported."""
    package = name.partition(".")[0]
    if package not in sys.modules:
        start = os.path.join(folder, "__init__.py")
        spec = util.spec_from_file_location(package, start, submodule_search_locations=[folder])
        if spec is None or spec.loader is None:
            raise ImportError("no package lies in " + folder)
        sys.modules[package] = util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return import_module(name)


def _other_file(start: bytes) -> NotElfError:
    if start.lstrip().startswith(SCRIPT_WORDS):
        return LinkerScriptError("it is a linker script")
    return NotElfError("it is no ELF file" if start else "it is empty")


def _elf(file: BinaryIO, machine: str, tags: list[tuple[str, int]], segments: list[Layout]) -> Elf:
    table = next((value for tag, value in tags if tag == "DT_STRTAB"), None)
    place = _place(table, segments) if table is not None else 0

    def strings(wanted: str) -> tuple[str, ...]:
        return tuple(_string(file, place + value) for tag, value in tags if tag == wanted)

    def folders(wanted: str) -> tuple[str, ...]:
        return tuple(folder for text in strings(wanted) for folder in text.split(":") if folder)

    soname = "".join(strings("DT_SONAME")[:1])
    return Elf(machine, soname, strings("DT_NEEDED"), folders("DT_RPATH"), folders("DT_RUNPATH"))


def _place(address: int, segments: list[Layout]) -> int:
    """Return where an address of the loaded library lies in the file."""
    for part in segments:
        if part["p_type"] == "PT_LOAD" and part["p_vaddr"] <= address < part["p_vaddr"] + part["p_filesz"]:
            return int(part["p_offset"] + address - part["p_vaddr"])
    raise NotElfError("its table of strings lies outside of it")


def _string(file: BinaryIO, place: int) -> str:
    file.seek(place)
    text, end, _ = file.read(STRING_BLOCK).partition(b"\0")
    if not end:
        file.seek(place)
        text, end, _ = file.read(LONGEST_STRING).partition(b"\0")
    if not end:
        raise NotElfError("a string of its dynamic segment does not end")
    return text.decode("utf-8", "replace")
