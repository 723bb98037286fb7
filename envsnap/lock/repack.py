"""A wheel made again from the files that a distribution installed, as its RECORD lists them."""

import csv
import hashlib
import os
import re
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.tags import parse_tag

from envsnap.errors import CaptureError
from envsnap.inside.probe import INSTALLER_FILES
from envsnap.manifest.package import Installed

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold: the same files always give the same wheel."""
EXECUTABLE, PLAIN = 0o100755, 0o100644


@dataclass(frozen=True, slots=True)
class Member:
    """One file: ``name`` in the wheel, ``source`` on this machine."""

    name: str
    source: Path


def repack(package: Installed, *, prefix: Path, target: Path) -> Path:
    """Write the wheel of an installed distribution into ``target``; equal files give equal bytes.

    Entries are stored, not compressed: the bytes then do not depend on a zlib version.

    Args:
        package: the distribution; its ``root`` holds its files.
        prefix: the environment's prefix; files outside it are refused.
        target: folder for the wheel.

    Raises:
        CaptureError: RECORD names a file that is missing or lies outside the prefix.
    """
    root = Path(package.root)
    info = root / package.folder
    path = target / wheel_name(package)
    rows: list[tuple[str, str, int]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member in sorted(_members(package, root, prefix), key=lambda member: member.name):
            data = _contents(member)
            _write(archive, member.name, data, os.access(member.source, os.X_OK))
            rows.append((member.name, _hash(data), len(data)))
        record = f"{info.name}/RECORD"
        text = "".join(_line(row) for row in rows) + f"{record},,\n"
        _write(archive, record, text.encode(), executable=False)
    return path


def wheel_name(package: Installed) -> str:
    """Spell the wheel's file name from its Tag lines: PEP 427, with the compressed tag sets of PEP 425."""
    tags = [tag for line in package.tags or ("py3-none-any",) for tag in parse_tag(line)]
    sets = (sorted({getattr(tag, part) for tag in tags}) for part in ("interpreter", "abi", "platform"))
    stem = PurePosixPath(package.folder).name.removesuffix(".dist-info")
    parts = [stem, *([package.build] if package.build else []), *(".".join(values) for values in sets)]
    return "-".join(parts) + ".whl"


def _members(package: Installed, root: Path, prefix: Path) -> Iterator[Member]:
    info = root / package.folder
    generated = _entry_points(info)
    for name in _recorded(info):
        source = Path(os.path.normpath(root / name))
        if name.endswith(".pyc") or (source.parent == info and source.name in INSTALLER_FILES):
            continue
        if not source.is_relative_to(prefix) and not source.is_relative_to(root):
            raise CaptureError(f"{package.label}: RECORD names {name}, which lies outside the environment")
        if not source.is_file():
            raise CaptureError(f"{package.label}: RECORD names {name}, which is missing; install the package anew")
        if source.is_relative_to(root):
            yield Member(source.relative_to(root).as_posix(), source)
        elif source.parent.name in ("bin", "Scripts"):
            if source.name not in generated:
                yield Member(f"{_data(package)}/scripts/{source.name}", source)
        else:
            yield Member(f"{_data(package)}/data/{source.relative_to(prefix).as_posix()}", source)


def _data(package: Installed) -> str:
    return package.folder.removesuffix(".dist-info") + ".data"


def _recorded(info: Path) -> Iterable[str]:
    with (info / "RECORD").open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file) if row]


def _entry_points(info: Path) -> frozenset[str]:
    """Name the scripts that an installer generates: they do not belong into a wheel."""
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
    parser.read(info / "entry_points.txt", encoding="utf-8")
    sections = [name for name in ("console_scripts", "gui_scripts") if parser.has_section(name)]
    return frozenset(option for section in sections for option in parser.options(section))


def _contents(member: Member) -> bytes:
    data = member.source.read_bytes()
    if "/scripts/" in member.name and data.startswith(b"#!"):
        return re.sub(rb"\A#!.*python.*", b"#!python", data, count=1)
    return data


def _write(archive: zipfile.ZipFile, name: str, data: bytes, executable: bool) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (EXECUTABLE if executable else PLAIN) << 16
    archive.writestr(entry, data)


def _hash(data: bytes) -> str:
    return "sha256=" + urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _line(row: tuple[str, str, int]) -> str:
    name, digest, size = row
    quoted = '"' + name.replace('"', '""') + '"' if re.search(r'[",\n]', name) else name
    return f"{quoted},{digest},{size}\n"
