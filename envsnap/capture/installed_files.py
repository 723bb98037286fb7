"""Every installed file held against its record: what was edited, what is missing, what no record names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envsnap.capture.answer import ask, quote
from envsnap.environment import Environment
from envsnap.environment.script import Script
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.model import Model
from envsnap.manifest.phrases import join_names

VERIFY = Script("verify_files.py", timeout=3600.0)
"""Two gigabytes take seconds from memory; from a slow network disk they may take this long."""

NAMED_WITHOUT_RECORD = 10
VERSION_AND_SUFFIX = re.compile(r"-\d.*|\.(?:dist-info|egg-info|json|md5sums)$")


class ProbedFile(Model, frozen=True):
    """A file and what is wrong with it."""

    path: str
    detail: str


class ProbedProblems(Model, frozen=True):
    """Files of one owner with the same kind of problem: ``count`` of them, the first of which are named."""

    root: str
    folder: str
    kind: Literal["edited-file", "missing-file", "extra-file", "outside-file", "unreadable"]
    count: int
    files: tuple[ProbedFile, ...]


class ProbedOwner(Model, frozen=True):
    """A distribution's folder in its import root."""

    root: str
    folder: str


class ProbedFiles(Model, frozen=True):
    """What ``verify_files.py`` answers."""

    files: int
    bytes: int
    unrecorded: tuple[ProbedOwner, ...]
    problems: tuple[ProbedProblems, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileCheck:
    """What a check of every installed file gave.

    Args:
        findings: files that are not as recorded, at most twenty of a package and kind, then one that counts the rest.
        not_captured: what could not be checked.
        files: how many files were checked.
        bytes: how much of them was hashed: a file of another size than recorded need not be.
    """

    findings: tuple[Finding, ...]
    not_captured: tuple[UncapturedFact, ...]
    files: int
    bytes: int


def capture_installed_files(environment: Environment, folder: Path, packages: Iterable[InstalledPackage]) -> FileCheck:
    """Hash every file that a RECORD, conda or dpkg names in ``environment``, and compare.

    Args:
        environment: the place whose files are checked.
        folder: the working folder.
        packages: as captured there: they name what the findings are about.

    Raises:
        CaptureError: the interpreter does not start, does not finish in an hour, or gives no sound answer.
    """
    probed = ask(environment, folder, VERIFY, ProbedFiles)
    names = {(package.root, package.folder): package.name for package in packages}
    return FileCheck(
        findings=tuple(sorted(finding for group in probed.problems for finding in _findings(group, names))),
        not_captured=_without_record(probed.unrecorded, names),
        files=probed.files,
        bytes=probed.bytes,
    )


def _findings(group: ProbedProblems, names: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    name = _name(group.root, group.folder, names)
    for file in group.files:
        yield Finding(kind=group.kind, subject=f"{name}: {quote(file.path)}", detail=quote(file.detail))
    more = group.count - len(group.files)
    if more > 0:
        yield Finding(kind=group.kind, subject=name, detail=f"{more} more of its files")


def _name(root: str, folder: str, names: Mapping[tuple[str, str], str]) -> str:
    return names.get((root, folder)) or quote(VERSION_AND_SUFFIX.sub("", folder)) or "unnamed"


def _without_record(owners: Iterable[ProbedOwner], names: Mapping[tuple[str, str], str]) -> tuple[UncapturedFact, ...]:
    """Say which packages cannot be checked, in one line; the egg-info in an editable's source tree is no package."""
    found = sorted({names[key] for owner in owners if (key := (owner.root, owner.folder)) in names})
    if not found:
        return ()
    named = join_names(found, NAMED_WITHOUT_RECORD)
    return (UncapturedFact(what=f"installed files of {named}", reason="they have no RECORD to be held against"),)
