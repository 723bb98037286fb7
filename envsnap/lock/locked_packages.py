"""What the lock stage gives; and all of it from what earlier freezes proved, where that is enough."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from envsnap.lock.memo import Memo
from envsnap.manifest.finding import Finding
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Package


@dataclass(frozen=True, slots=True)
class LockedPackages:
    """The packages in order of name, and what looks wrong about where they come from."""

    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]


def lock_by_memo(installed: Sequence[InstalledPackage], memo: Memo) -> LockedPackages | None:
    """Return what a freeze that asks no index finds; None where a distribution is new, or its wheel is gone.

    It needs none of the modules that find artefacts: to load them takes a tenth of a freeze.
    """
    packages = [memo.find(package) for package in installed]
    known = [package for package in packages if package is not None]
    memo.save()
    if len(known) < len(packages):
        return None
    return in_order(known, known_findings((package.package for package in installed), memo))


def in_order(packages: Iterable[Package], findings: Iterable[Finding]) -> LockedPackages:
    """Put the packages in order of name, and add a finding for each release that was withdrawn."""
    ordered = tuple(sorted(packages, key=lambda package: package.name))
    return LockedPackages(ordered, (*findings, *_yanked(ordered)))


def known_findings(packages: Iterable[Package], memo: Memo) -> Iterator[Finding]:
    """Give what the indexes' pages said of these packages when they were asked last."""
    answers = (memo.answers.get(package.label) for package in packages)
    yield from (answer for answer in answers if answer is not None)


def _yanked(packages: Iterable[Package]) -> Iterator[Finding]:
    for package in packages:
        if package.installed.yanked is not None:
            detail = f"{package.installed_version} was withdrawn by its index: {package.installed.yanked}"
            yield Finding(kind="yanked-release", subject=package.name, detail=detail)
