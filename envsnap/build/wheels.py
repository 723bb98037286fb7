"""Wheels that no index serves: found again on this machine by their hash."""

from collections.abc import Callable, Iterable
from pathlib import Path

from envsnap.errors import BuildError
from envsnap.host.files import link_or_copy, sha256_file
from envsnap.manifest.manifest import Contents
from envsnap.manifest.package import Artefact, Package

CopyWheel = Callable[[Artefact, Path], None]
"""Copies the wheel that has the recorded hash to a path, or raises EnvsnapError: out of folders, or of a bundle."""


def check_complete(packages: Iterable[Package]) -> None:
    """Refuse a manifest with packages that nothing can rebuild.

    Raises:
        BuildError: names each of them and why it has no artefact.
    """
    lacking = [package for package in packages if package.wheel is None]
    if lacking:
        lines = "".join(f"\n  {item.name} {item.installed_version}: {item.installed.reason}" for item in lacking)
        raise BuildError(
            f"{len(lacking)} of the locked packages have no artefact to rebuild them from:{lines}\n"
            "Install them from wheels, or freeze again while the package indexes can be reached"
        )


def check_without_conda(contents: Contents) -> None:
    """Refuse a lock of conda packages that nothing else in it stands for.

    Those of a captured environment stand under its packages too; those of a specification do not.

    Raises:
        BuildError: says how many there are.
    """
    if contents.specification is not None and contents.conda is not None and contents.conda.packages:
        count = len(contents.conda.packages)
        raise BuildError(
            f"the lock of {contents.specification.path} holds {count} conda packages, and neither an image nor a "
            "virtual environment is built from those: install them with conda, and freeze that environment"
        )


def copy_kept_wheel(wheel: Artefact, target: Path, folders: Iterable[Path]) -> None:
    """Copy the wheel that has the recorded hash to ``target``.

    Args:
        wheel: the artefact; only its file name and SHA-256 count.
        target: file to write.
        folders: where to look, in order.

    Raises:
        BuildError: none of the folders has it.
    """
    searched = list(folders)
    for folder in searched:
        candidate = folder / wheel.name
        if candidate.is_file() and sha256_file(candidate)[0] == wheel.hashes.get("sha256"):
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(candidate, target)
            return
    places = ", ".join(str(folder) for folder in searched)
    raise BuildError(
        f"no index serves {wheel.name}, and no file of that name with sha256 {wheel.hashes.get('sha256', '?')} "
        f"lies in {places}. Copy the wheel there from the machine that ran 'envsnap freeze'"
    )
