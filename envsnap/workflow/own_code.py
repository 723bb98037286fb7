"""The project's own packages in a run: where the rebuilt environment finds them, and what is built for it anew."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envsnap.errors import BuildError, CaptureError, InvalidFileError
from envsnap.host import git
from envsnap.host.index.config import read_index_config
from envsnap.inside.editable import BUILT, PROJECT
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Package
from envsnap.workflow.progress import Progress


@dataclass(frozen=True, slots=True)
class CodePlaces:
    """What a run gets of the project's own packages.

    Args:
        variables: say where they are.
        read_only: absolute folders outside of the project that hold some of them.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()


@contextlib.contextmanager
def place_own_code(
    manifest: Manifest, project: Path, env: Mapping[str, str], progress: Progress, *, offline: bool = False
) -> Iterator[CodePlaces]:
    """Say where the project's own code is, for as long as the block runs; build what of it has to be built.

    Raises:
        InvalidFileError: the lock names code beside the project that is not of its repository.
        BuildError: a source tree is not there, or its wheel cannot be built.
    """
    packages = [package for package in manifest.contents.packages if package.is_own_code]
    built = [package for package in packages if (source := package.installed.editable_source) and source.is_built]
    variables = {PROJECT: str(project.absolute())} if packages else {}
    beside = tuple(_beside(manifest, project.absolute(), progress))
    if not built:
        yield CodePlaces(variables, beside)
        return
    with tempfile.TemporaryDirectory(prefix="envsnap-code-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a container's user may be another
        for package in built:
            progress.stage(f"building {package.name} from the working tree")
            _build(package, manifest.contents.interpreter.version, project, env, folder, offline=offline)
        yield CodePlaces(variables | {BUILT: str(folder)}, (folder, *beside))


def _beside(manifest: Manifest, project: Path, progress: Progress) -> Iterator[Path]:
    """Give what lies outside of the project's folder: a lock may name nothing but what its own repository holds."""
    code = manifest.contents.code
    named = {
        *(code.beside if code else ()),
        *(place for package in manifest.contents.packages for place in _places(package)),
    }
    outside = sorted(place for place in named if place.startswith("../") or place == "..")
    top = git.top(project) if outside else None
    for place in outside:
        path = Path(os.path.normpath(project / place))
        if top is None:
            progress.warn(
                f"{place} is code beside the project, and no git repository here holds both: a container lacks it"
            )
        elif not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):
            raise InvalidFileError(
                f"envsnap.lock names {place} as code beside the project; it lies outside of the repository {top}"
            )
        elif path.exists():
            yield path
        else:
            progress.warn(f"{place} is code beside the project, and is not there")


def _places(package: Package) -> Iterator[str]:
    source = package.installed.editable_source
    if source is not None and not source.is_built:
        yield from source.roots
        yield from source.modules.values()
        yield from (place for places in source.namespaces.values() for place in places)


def _build(
    package: Package, python: str, project: Path, env: Mapping[str, str], folder: Path, *, offline: bool
) -> None:
    """Build the wheel of a package's source tree, and unpack it into a folder of its name."""
    from envsnap.host.index.uv import find_uv

    tree = project / (package.directory.path if package.directory else "")
    if not tree.is_dir():
        raise BuildError(f"{package.name} is installed editable from {tree}, which is not there: restore it")
    try:
        uv = find_uv(read_index_config(env), offline=offline)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="envsnap-build-") as scratch:
            wheel = uv.build_wheel(tree.resolve(), Path(scratch), python=python)
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / package.name)
    except (CaptureError, zipfile.BadZipFile) as error:
        raise BuildError(
            f"{package.name} runs from what is built of the working tree, as it has extension modules: {error}"
        ) from error
