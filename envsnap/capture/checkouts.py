"""Editable installations: the commit that their source trees stand at, and what is not committed there."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from envsnap.capture.answer import quote
from envsnap.capture.packages import source_folder
from envsnap.errors import CaptureError
from envsnap.host import git
from envsnap.manifest.finding import Finding, UncapturedFact
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.package import Checkout
from envsnap.manifest.phrases import join_names

NOT_THE_SOURCE = (
    ".",
    ":(exclude,glob)**/*.egg-info/**",
    ":(exclude,glob)**/__pycache__/**",
    ":(exclude,glob)**/build/**",
)
"""What an editable installation itself writes into a source tree does not make it another one."""
NAMED_IN_A_FINDING = 10


def describe_checkouts(
    packages: Iterable[InstalledPackage], own: Iterable[Path] = ()
) -> tuple[tuple[InstalledPackage, ...], tuple[Finding, ...], tuple[UncapturedFact, ...]]:
    """Ask git about the source tree of each editable installation of this machine.

    A source tree that is under no version control, or that its repository ignores, has no commit to tell of.

    Args:
        packages: the installed ones.
        own: absolute paths that envsnap or the job write: where the project itself is installed editable they are no
            part of its source.
    """
    written = tuple(own)
    described, findings, problems = [], [], []
    for package in packages:
        folder = source_folder(package)
        try:
            checkout, changed = _look(Path(folder).resolve(), written) if folder is not None else (None, ())
        except CaptureError as error:
            checkout, changed = None, ()
            problems.append(UncapturedFact(what=f"source tree of {package.name}", reason=str(error)))
        described.append(_with_checkout(package, checkout))
        if checkout is not None and checkout.dirty:
            findings.append(_dirty(package, checkout, changed))
    return tuple(described), tuple(findings), tuple(problems)


def _look(folder: Path, own: tuple[Path, ...]) -> tuple[Checkout | None, tuple[str, ...]]:
    if not (folder.is_dir() and git.is_available()):
        return None, ()
    commit = git.ask(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if commit is None:
        return None, ()
    written = (f":(exclude,literal){path.relative_to(folder)}" for path in own if path.is_relative_to(folder))
    changed = git.changed_files(folder, (*NOT_THE_SOURCE, *written))
    if not changed and git.ask(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") is None:
        return None, ()
    return Checkout(commit=commit, dirty=bool(changed)), changed


def _with_checkout(package: InstalledPackage, checkout: Checkout | None) -> InstalledPackage:
    return replace(package, package=replace(package.package, installed=replace(package.record, checkout=checkout)))


def _dirty(package: InstalledPackage, checkout: Checkout, changed: tuple[str, ...]) -> Finding:
    named = join_names([quote(name) for name in changed], NAMED_IN_A_FINDING)
    detail = f"installed editable at commit {checkout.commit[:12]}, with uncommitted changes: {named}"
    return Finding(kind="dirty-package", subject=package.name, detail=detail)
