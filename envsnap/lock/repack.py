"""A wheel made again from the files that a distribution installed, as its RECORD lists them."""

import csv
import hashlib
import os
import re
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import parse_tag

from envsnap.errors import CaptureError
from envsnap.host.files import room_for
from envsnap.inside.probe.record import INSTALLER_FILES
from envsnap.lock.wheel_fit import installed_tags
from envsnap.manifest.installed import InstalledPackage

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold: the same files always give the same wheel."""
EXECUTABLE, PLAIN = 0o100755, 0o100644
SHEBANG = re.compile(rb"\A(?:#!/bin/sh\n'''exec' [^\n]*python[^\n]*\n' '''|#![^\n]*python[^\n]*)")
"""What installers write for ``#!python``; the first form is that for an interpreter with a long path or a space."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file: ``name`` in the wheel, ``source`` on this machine."""

    name: str
    source: Path


def repack(package: InstalledPackage, *, prefix: Path, target: Path) -> Path:
    """Write the wheel of an installed distribution into ``target``; equal files give equal bytes.

    Entries are stored, not compressed: the bytes then do not depend on a zlib version.

    Args:
        package: the distribution; its ``root`` holds its files.
        prefix: the environment's prefix; files outside it are refused.
        target: folder for the wheel.

    Raises:
        CaptureError: RECORD names a file that is missing, cannot be read or lies outside the prefix; or the folder
            has no WHEEL file, without which no installer takes a wheel.
    """
    path = target / wheel_name(package)
    try:
        members = {member.name: member for member in _members(package, Path(package.root), prefix)}
        if f"{package.folder}/WHEEL" not in members:
            raise CaptureError(f"{package.label}: {package.folder} has no WHEEL file; install the package anew")
        with room_for(f"{package.label}: the wheel {path.name}"):
            _pack(path, [members[name] for name in sorted(members)], package)
    except (OSError, UnicodeDecodeError, ConfigParserError) as error:
        raise CaptureError(f"{package.label}: its installed files cannot be read: {error}") from error
    return path


def _pack(path: Path, members: Iterable[Member], package: InstalledPackage) -> None:
    rows: list[tuple[str, str, int]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            data = _contents(member, package)
            _write(archive, member.name, data, bool(member.source.stat().st_mode & 0o111))
            rows.append((member.name, _hash(data), len(data)))
        record = f"{package.folder}/RECORD"
        text = "".join(_line(row) for row in rows) + f"{record},,\n"
        _write(archive, record, text.encode(), executable=False)


def wheel_name(package: InstalledPackage) -> str:
    """Spell the wheel's file name from its Tag lines: PEP 427, with the compressed tag sets of PEP 425.

    The name is normalised: an old ``.dist-info`` folder can have a dash where a wheel's name must have none.
    """
    tags = installed_tags(package) or parse_tag("py3-none-any")
    sets = (sorted({getattr(tag, part) for tag in tags}) for part in ("interpreter", "abi", "platform"))
    stem = (package.name.replace("-", "_"), package.version.replace("-", "_"))
    parts = [*stem, *([package.record.build] if package.record.build else []), *(".".join(values) for values in sets)]
    return "-".join(parts) + ".whl"


def _members(package: InstalledPackage, root: Path, prefix: Path) -> Iterator[Member]:
    info, base = root / package.folder, _scheme_base(root, prefix)
    generated = _entry_points(info)
    for name in _recorded(info):
        source = Path(os.path.normpath(root / name))
        if source.parent.name == "__pycache__" or (source.parent == info and source.name in INSTALLER_FILES):
            continue
        if not any(source.is_relative_to(folder) for folder in (root, base, prefix)):
            raise CaptureError(f"{package.label}: RECORD names {name}, which lies outside the environment")
        if not source.is_file():
            raise CaptureError(f"{package.label}: RECORD names {name}, which is missing; install the package anew")
        if source.is_relative_to(root):
            yield Member(source.relative_to(root).as_posix(), source)
        elif source.parent in (base / "bin", prefix / "bin"):
            if source.name not in generated:
                yield Member(f"{_data(package)}/scripts/{source.name}", source)
        else:
            place = source.relative_to(base if source.is_relative_to(base) else prefix)
            yield Member(f"{_data(package)}/data/{place.as_posix()}", source)


def _scheme_base(root: Path, prefix: Path) -> Path:
    """Return the folder that holds ``bin`` and ``share`` beside an import root.

    It is not the prefix for the user's own packages (``~/.local``) and Debian's (``/usr/local``):
    https://docs.python.org/3/library/sysconfig.html#installation-paths
    """
    above = root.parents
    return above[2] if len(above) > 2 and above[1].name in {"lib", "lib64"} else prefix  # noqa: PLR2004 - lib/pythonX.Y


def _data(package: InstalledPackage) -> str:
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


def _contents(member: Member, package: InstalledPackage) -> bytes:
    data = member.source.read_bytes()
    return SHEBANG.sub(b"#!python", data, count=1) if member.name.startswith(f"{_data(package)}/scripts/") else data


def _write(archive: zipfile.ZipFile, name: str, data: bytes, executable: bool) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (EXECUTABLE if executable else PLAIN) << 16
    archive.writestr(entry, data)


def _hash(data: bytes) -> str:
    return "sha256=" + urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _line(row: tuple[str, str, int]) -> str:
    name, digest, size = row
    quoted = '"' + name.replace('"', '""') + '"' if re.search(r'[",\r\n]', name) else name
    return f"{quoted},{digest},{size}\n"
