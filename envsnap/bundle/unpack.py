"""A bundle -> a project folder: the source as it was frozen, the lock, the baseline, and the wheels of no index."""

import shutil
import tempfile
from pathlib import Path

from envsnap.bundle.reader import Bundle
from envsnap.bundle.store import room_in_bundle
from envsnap.errors import BundleError
from envsnap.host.archive import check_links, unpack
from envsnap.host.files import work_folder
from envsnap.host.git_tree import apply_patch
from envsnap.host.own_places import WORK
from envsnap.manifest.bundle_index import BASELINE, LOCK, BundleEntry
from envsnap.manifest.manifest import Manifest


def unpack_bundle(bundle: Bundle, manifest: Manifest, folder: Path) -> Path:
    """Make the project folder, whole or not at all; return where in ``folder`` the project lies.

    Args:
        bundle: where everything comes from.
        manifest: its lock.
        folder: not there yet, or empty.

    Raises:
        BundleError: the folder holds something, a file is damaged, a name or link leads out of the folder, or the
            uncommitted changes do not fit.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError(f"{folder} is not empty: name another folder with --output")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        room_in_bundle(bundle.path.name, folder.parent),
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name[:100]}.") as name,
    ):
        tree = Path(name) / "tree"
        tree.mkdir()
        _unpack_source(bundle, manifest, tree, Path(name))
        project = _project(bundle, tree)
        _fill(bundle, manifest, project)
        place = project.relative_to(tree)
        if folder.exists():
            folder.rmdir()
        tree.rename(folder)
    return folder / place


def _unpack_source(bundle: Bundle, manifest: Manifest, tree: Path, scratch: Path) -> None:
    code = manifest.contents.code
    for entry in bundle.index.of_kind("source"):
        if code is None or bundle.index.commit != code.commit:
            raise BundleError(f"{bundle.path}: its source is not of the commit that its lock records; fetch it again")
        bundle.copy(entry, scratch / "source.tar")
        unpack(scratch / "source.tar", tree)
        patch = kept_patch(manifest)
        if patch:
            found = _baseline_entry(bundle, patch)
            if code.kept_patch != found.sha256:
                raise BundleError(f"{bundle.path}: {patch} holds other changes than its lock names; fetch it again")
            bundle.copy(found, scratch / "patch")
            apply_patch(tree, scratch / "patch")
            check_links(tree)


def kept_patch(manifest: Manifest) -> str:
    """Return where in the baseline the uncommitted changes lie; "" where there are none, or they were not kept."""
    code = manifest.contents.code
    return f"patches/{code.kept_patch}.patch" if code is not None and code.kept_patch else ""


def _baseline_entry(bundle: Bundle, name: str) -> BundleEntry:
    found = next((entry for entry in bundle.index.of_kind("baseline") if entry.name == name), None)
    if found is None:
        raise BundleError(f"{bundle.path} lacks {name}, the uncommitted changes that its lock names; fetch it again")
    return found


def _project(bundle: Bundle, tree: Path) -> Path:
    """Return the project's folder in the source; a link on the way to it is refused."""
    place = tree
    for part in (bundle.index.project or "").split("/"):
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise BundleError(f"{bundle.path}: the project's folder {bundle.index.project} is no folder in the source")
    place.mkdir(parents=True, exist_ok=True)
    return place


def _fill(bundle: Bundle, manifest: Manifest, project: Path) -> None:
    """Write lock, baseline and wheels, in the place of what the source may have under their names."""
    for name in (LOCK, BASELINE, WORK):
        _remove(project / name)
    for entry in bundle.index.of_kind("lock"):
        bundle.copy(entry, project / LOCK)
    for entry in bundle.index.of_kind("baseline"):
        bundle.copy(entry, project / BASELINE / entry.name)
    wheels = [package.wheel for package in manifest.contents.packages]
    for wheel in (wheel for wheel in wheels if wheel is not None and wheel.path):
        found = bundle.index.wheel(wheel.hashes.get("sha256", ""))
        if found is not None:
            bundle.copy(found, work_folder(project) / "wheels" / wheel.name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
