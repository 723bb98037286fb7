"""An ELF file's needs are read as readelf reads them, and no file of that name can stop the reader."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import elftools
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsnap.inside.probe.elf import Elf, ElfReader, LinkerScriptError, NotElfError

READELF_LINE = re.compile(r"\((?P<tag>NEEDED|SONAME|RPATH|RUNPATH)\).*\[(?P<text>[^\]]*)\]")
OBJECTS = [
    *sorted(Path(np.__file__).parent.rglob("*.so")),
    *sorted(Path(np.__file__).parent.with_name("numpy.libs").glob("*.so*")),
    *sorted(Path(np.__file__).parent.with_name("scipy").rglob("*.so"))[::4],
    *sorted((Path(os.__file__).parent / "lib-dynload").glob("*.so")),
    Path(sys.executable).resolve(),
]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing"),
]


@pytest.fixture(scope="module")
def reader() -> ElfReader:
    """A reader with the pyelftools that stands beside envsnap."""
    return ElfReader(str(Path(elftools.__file__).parent))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled library that needs libm, with a name and a place to search."""
    target = tmp_path_factory.mktemp("library") / "libdemo.so.1"
    options = (
        "-Wl,--no-as-needed",
        "-lm",
        "-Wl,-soname,libdemo.so.1",
        "-Wl,--disable-new-dtags,-rpath,$ORIGIN/x:/opt/y",
    )
    return build(target, *options)


def build(target: Path, *options: str) -> Path:
    """Compile an empty shared library."""
    command = ("gcc", "-shared", "-fPIC", "-nostartfiles", "-x", "c", "/dev/null", "-x", "none", "-o", str(target))
    subprocess.run((*command, *options), check=True)
    return target


def as_readelf_says(path: Path) -> Elf:
    """Return what readelf prints of a file's dynamic segment; the machine is not asked for."""
    done = subprocess.run(("readelf", "-dW", str(path)), capture_output=True, text=True, check=True)
    found: dict[str, tuple[str, ...]] = {"NEEDED": (), "SONAME": (), "RPATH": (), "RUNPATH": ()}
    for match in READELF_LINE.finditer(done.stdout):
        found[match["tag"]] += (
            (match["text"],) if match["tag"] in ("NEEDED", "SONAME") else tuple(match["text"].split(":"))
        )
    return Elf("", "".join(found["SONAME"]), found["NEEDED"], found["RPATH"], found["RUNPATH"])


def test_readelf_agrees_on_real_extension_modules(reader: ElfReader) -> None:
    """numpy's, scipy's, the standard library's, and the interpreter itself."""
    expected = {path: as_readelf_says(path) for path in OBJECTS}
    actual = {path: reader.read(str(path))._replace(machine="") for path in OBJECTS}

    assert len(OBJECTS) > 100
    assert expected == actual


def test_every_entry_of_the_dynamic_segment_is_read(reader: ElfReader, library: Path) -> None:
    """RPATH is split into its folders; the machine is this interpreter's."""
    expected = Elf(
        machine=reader.read(sys.executable).machine,
        soname="libdemo.so.1",
        needed=as_readelf_says(library).needed,
        rpath=("$ORIGIN/x", "/opt/y"),
        runpath=(),
    )

    assert "libm.so.6" in expected.needed
    assert expected == reader.read(str(library))


def test_a_runpath_of_many_folders_is_read(reader: ElfReader, tmp_path: Path) -> None:
    """Bazel gives TensorFlow's libraries one of more than four thousand bytes."""
    folders = tuple(f"$ORIGIN/{number:04}/{'x' * 40}" for number in range(400))
    long = build(tmp_path / "long.so", f"-Wl,--enable-new-dtags,-rpath,{':'.join(folders)}")

    assert folders == reader.read(str(long)).runpath


def test_a_file_without_sections_is_read_as_the_loader_reads_it(
    reader: ElfReader, library: Path, tmp_path: Path
) -> None:
    """The loader looks at segments alone; some tools strip the table of sections."""
    data = bytearray(library.read_bytes())
    data[0x28:0x30] = bytes(8)  # e_shoff
    data[0x3C:0x40] = bytes(4)  # e_shnum and e_shstrndx
    stripped = tmp_path / "stripped.so"
    stripped.write_bytes(data)

    assert reader.read(str(library)) == reader.read(str(stripped))


@pytest.mark.skipif(sysconfig.get_platform() != "linux-x86_64", reason="-m32 is an option of x86-64 alone")
def test_another_word_size_is_told_by_the_machine(reader: ElfReader, library: Path, tmp_path: Path) -> None:
    """A 32-bit library in a wheel is not for this interpreter."""
    small = build(tmp_path / "small.so", "-m32", "-nostdlib", "-Wl,-soname,small.so")

    assert "small.so" == reader.read(str(small)).soname
    assert reader.read(str(small)).machine != reader.read(str(library)).machine


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"not a library\n", "it is no ELF file"),
        (b"\x7fELF\x02\x01", "it ends within its header"),
        (b"\x7fELF\x07\x01" + bytes(80), "its word size or byte order is none that ELF knows"),
    ],
)
def test_what_is_no_library_is_refused_with_a_reason(
    reader: ElfReader, tmp_path: Path, data: bytes, reason: str
) -> None:
    """The reason names what it is."""
    (tmp_path / "x.so").write_bytes(data)

    with pytest.raises(NotElfError, match=reason):
        reader.read(str(tmp_path / "x.so"))


def test_a_linker_script_is_known_as_one(reader: ElfReader, tmp_path: Path) -> None:
    """Development packages ship libc.so as a text."""
    (tmp_path / "libc.so").write_text("/* GNU ld script\n*/\nGROUP ( /lib/libc.so.6 )\n")

    with pytest.raises(LinkerScriptError):
        reader.read(str(tmp_path / "libc.so"))


def test_a_fifo_a_folder_and_a_dangling_link_are_refused_at_once(reader: ElfReader, tmp_path: Path) -> None:
    """Opening a fifo for reading waits for a writer."""
    os.mkfifo(tmp_path / "fifo.so")
    (tmp_path / "folder.so").mkdir()
    (tmp_path / "link.so").symlink_to("nowhere")

    for name in ("fifo.so", "folder.so", "link.so", "absent.so"):
        with pytest.raises(NotElfError):
            reader.read(str(tmp_path / name))


def test_a_truncated_library_is_refused(reader: ElfReader, library: Path, tmp_path: Path) -> None:
    """A disk that was full, a download that stopped: wherever it ends before its strings."""
    data, cut = library.read_bytes(), tmp_path / "cut.so"
    for length in range(4, 1024, 7):
        cut.write_bytes(data[:length])

        with pytest.raises(NotElfError):
            reader.read(str(cut))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.integers(0, 2000), st.integers(0, 255), max_size=12))
def test_a_damaged_library_is_read_or_refused(
    reader: ElfReader, library: Path, tmp_path: Path, changes: dict[int, int]
) -> None:
    """Whatever the bytes say: no other error, no endless loop."""
    data = bytearray(library.read_bytes())
    for place, value in changes.items():
        data[place] = value
    (tmp_path / "damaged.so").write_bytes(data)

    try:
        read = reader.read(str(tmp_path / "damaged.so"))
    except NotElfError:
        return
    assert isinstance(read, Elf)
