"""Conda's own records: what it installed, from where, and what was overwritten since."""

import re
from collections.abc import Iterable, Iterator

from msgspec import convert
from msgspec.structs import replace

from envsnap.host.credentials import without_channel_token
from envsnap.inside.observer._envsnap.placeholders import PREFIX
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.manifest import CondaPackage
from envsnap.manifest.package import normalise_name

PYTHON_TAG = re.compile(r"-py\d[\d.]*\Z")


class ProbedConda(CondaPackage, frozen=True):
    """One record of conda-meta as the probe found it.

    ``owns`` are the ``.dist-info`` folders that it names; of these ``gone`` are not there, and ``changed`` hold another
    RECORD than the one that conda put there.
    """

    owns: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problem: str = ""


def owned_folders(records: Iterable[ProbedConda]) -> frozenset[str]:
    """Return the ``.dist-info`` folders that are as conda installed them."""
    return frozenset(
        folder for record in records for folder in record.owns if folder not in (*record.gone, *record.changed)
    )


def describe_conda(
    records: Iterable[ProbedConda], packages: Iterable[InstalledPackage]
) -> tuple[tuple[CondaPackage, ...], tuple[Finding, ...], tuple[UncapturedFact, ...]]:
    """Return conda's records without logins and tokens, what overwrote them, and those that cannot be read.

    Args:
        records: of the prefix.
        packages: the distributions that imports find.
    """
    found = {package.name: package for package in packages if package.record.location.startswith(PREFIX)}
    kept = tuple(records)
    described = tuple(_conda_package(record, _overwriter(record, found)) for record in kept)
    findings = (finding for record in kept for finding in _overwritten(record, found))
    problems = (UncapturedFact(what=f"conda {item.name}", reason=item.problem) for item in kept if item.problem)
    return described, tuple(findings), tuple(problems)


def _conda_package(record: ProbedConda, overwritten_by: str) -> CondaPackage:
    return replace(
        convert(record, CondaPackage, from_attributes=True),
        channel=without_channel_token(record.channel),
        url=without_channel_token(record.url),
        depends=tuple(sorted(record.depends or ())) or None,
        overwritten_by=overwritten_by or None,
    )


def _overwriter(record: ProbedConda, found: dict[str, InstalledPackage]) -> str:
    """Name what took the place of a record's distributions; "" where they are as conda installed them."""
    others = (_successor(record, folder, found) for folder in record.owns)
    named = {f"{other.record.owner}: {other.label}" for other in others if other is not None}
    if any(_successor(record, folder, found) is None for folder in record.gone):
        named.add("removed")
    return "; ".join(sorted(named))


def _successor(record: ProbedConda, folder: str, found: dict[str, InstalledPackage]) -> InstalledPackage | None:
    """Return what stands in the place of a record's distribution; None where conda's own does, or only its remains."""
    other = found.get(_project(folder))
    if other is None or other.is_conda or (other.folder == folder and folder in record.gone):
        return None
    return other


def _overwritten(record: ProbedConda, found: dict[str, InstalledPackage]) -> Iterator[Finding]:
    """Tell of each distribution of a record that is not there, or not as conda installed it, and who did that."""
    for folder in sorted({*record.gone, *record.changed}):
        other = _successor(record, folder, found)
        detail = f"conda installed {record.name} {record.version} ({folder}), and "
        if other is None:
            detail += "another program removed it; conda's record still names it"
        else:
            detail += f"{other.record.owner} put {other.label} in its place; conda's record of it is void"
        yield Finding(kind="overwritten-package", subject=record.name, detail=detail)


def _project(folder: str) -> str:
    """Return the project's name out of ``NAME-VERSION.dist-info`` or ``NAME-VERSION-pyX.Y.egg-info``."""
    stem = PYTHON_TAG.sub("", folder.rpartition(".")[0])
    return normalise_name(stem.rpartition("-")[0] or stem)
