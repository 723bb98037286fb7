"""Manifest -> a virtual environment, for machines without a container engine."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envsnap.build.wheels import CopyWheel
from envsnap.errors import BuildError
from envsnap.inside.editable import NOTE
from envsnap.manifest.manifest import Manifest

if TYPE_CHECKING:
    from envsnap.host.index.uv import Uv

LISTING = "envsnap-requirements.txt"
"""Stands in every environment that envsnap made: another one is never overwritten."""


def build_venv(
    manifest: Manifest,
    requirements: str,
    *,
    folder: Path,
    copy_wheel: CopyWheel,
    uv: "Uv",
    own: Path | None = None,
) -> Path:
    """Make the environment in ``folder``, in the place of one that was there; return its interpreter.

    The former one comes back where the new one cannot be made.

    Args:
        manifest: what to rebuild.
        requirements: its packages, each pinned by hash.
        folder: the environment's folder.
        copy_wheel: has the wheels that no index serves.
        uv: makes environments and installs into them.
        own: an interpreter of the locked version that the project has, where uv may not look.

    Raises:
        BuildError: no interpreter of the recorded version is installed, a package cannot be, or ``folder`` holds
            what envsnap did not make.
    """
    if folder.exists() and not (folder / LISTING).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise BuildError(f"{folder} was not made by envsnap and would be overwritten: name an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    wanted = manifest.contents.interpreter.version
    base = own or uv.find_python(wanted, folder.parent)
    if base is None:
        raise BuildError(
            f"no Python {wanted} is installed on this machine; install it (for example: uv python install {wanted}), "
            "or build with --target docker"
        )
    if base.is_relative_to(folder):
        base = base.resolve()  # of the environment that is about to be replaced
    with _put_aside(folder):
        uv.make_venv(folder, python=base)
        listing = folder / LISTING
        listing.write_text(requirements, encoding="utf-8")
        python = folder / "bin" / "python"
        links = folder / "envsnap-wheels"
        links.mkdir()
        wheels = [package.wheel for package in manifest.contents.packages if package.wheel and package.wheel.path]
        for wheel in wheels:
            copy_wheel(wheel, links / wheel.name)
        uv.install(listing, python=python, links=links)
    return python


def note_project(folder: Path, project: Path) -> None:
    """Note in an environment which project it was built for: the project's own packages are imported from there."""
    (folder / NOTE).write_text(f"{project.absolute()}\n", encoding="utf-8")


@contextlib.contextmanager
def _put_aside(folder: Path) -> Iterator[None]:
    """Move a former environment away for as long as it may be needed again: its scripts name their own place."""
    if not (folder / LISTING).is_file():
        yield
        return
    former = folder.with_name(f".{folder.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    folder.rename(former)
    with contextlib.ExitStack() as undoing:  # its callbacks run last to first, whatever ends the build
        undoing.callback(former.rename, folder)
        undoing.callback(shutil.rmtree, folder, ignore_errors=True)
        yield
        undoing.pop_all()
    shutil.rmtree(former, ignore_errors=True)
