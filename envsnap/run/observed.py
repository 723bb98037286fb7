"""Reads the reports that observed processes left, and makes one Observation of them."""

import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from envsnap.errors import InvalidFileError
from envsnap.manifest.model import convert
from envsnap.manifest.observation import LoadedLibrary, Observation

_MOST_BYTES = 16 * 1024 * 1024
"""A report has tens of kilobytes; the job could write anything in its place."""


def observe(folder: Path) -> Observation | None:
    """Return what the processes that reported into ``folder`` say together; None: none reported.

    A report that cannot be read is named among the errors.
    """
    reports: list[Observation] = []
    errors: list[str] = []
    for path in sorted(folder.glob("observed-*.json")):
        try:
            reports.append(_read(path))
        except InvalidFileError as error:
            errors.append(str(error))
    if not reports:
        return None
    return merge(reports, errors)


def merge(reports: Iterable[Observation], errors: Iterable[str] = ()) -> Observation:
    """Return the main process's settings with the libraries and errors of all.

    The main process is the one with most modules; among equals their contents decide, so that the same
    reports give the same value in whatever order they come.

    Raises:
        ValueError: there is no report.
    """
    ordered = sorted(reports, key=lambda report: (-report.modules, msgspec.json.encode(report, order="sorted")))
    if not ordered:
        raise ValueError("no report to merge")
    messages = sorted({message for report in ordered for message in report.errors} | set(errors))
    return msgspec.structs.replace(
        ordered[0],
        libraries=_union(ordered),
        errors=tuple(messages),
        processes=sum(report.processes for report in ordered),
    )


def _union(reports: Iterable[Observation]) -> tuple[LoadedLibrary, ...]:
    libraries = {library for report in reports for library in report.libraries}
    return tuple(sorted(libraries, key=msgspec.structs.astuple))


def _read(path: Path) -> Observation:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise InvalidFileError(f"report {path.name}: is no regular file, or larger than {_MOST_BYTES} bytes")
        data = msgspec.json.decode(path.read_bytes())
    except (OSError, RecursionError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"report {path.name}: {error}") from error
    return convert(data, Observation, source=f"report {path.name}")
