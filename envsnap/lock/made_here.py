"""Distributions that no index serves: packed from the installed files, built from a source tree, or of a URL."""

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap.errors import CaptureError
from envsnap.host.credentials import without_secrets
from envsnap.host.files import relative_to
from envsnap.host.index.config import local_path
from envsnap.host.index.file import IndexFile, file_name
from envsnap.lock.artefacts import (
    as_checkout,
    as_own_code,
    as_source_tree,
    index_artefact,
    with_wheel,
    without_artefact,
)
from envsnap.lock.files import InstalledFiles
from envsnap.lock.own_code import is_own_code, read_editable_source
from envsnap.lock.repack import repack
from envsnap.lock.source_trees import build_tree
from envsnap.lock.wheel_fit import is_same_version
from envsnap.lock.wheels import WheelFolder, has_content, wheel_digest
from envsnap.manifest.installed import DirectUrl, InstalledPackage
from envsnap.manifest.package import Artefact, Package, Vcs


@dataclass(frozen=True, slots=True)
class WheelMaker:
    """Makes wheels of what is installed, and keeps them."""

    wheels: WheelFolder
    files: InstalledFiles

    def repack(self, package: InstalledPackage, reason: str, *, sdist: Artefact | None = None) -> Package:
        """Pack what is installed; ``sdist`` is the source archive that an index serves for the same version."""
        with self.wheels.scratch("repack") as scratch:
            try:
                readable = self.files.bring(package, Path(scratch))
                made = repack(readable.package, prefix=readable.prefix, target=Path(scratch))
            except CaptureError as error:
                return without_artefact(package.package, str(error))
            digest, wheel = wheel_digest(made), self.wheels.keep(made, package.label)
        rebuilt = digest if digest != package.record.content_digest else None
        if rebuilt:
            reason += "; its files are not those that its RECORD lists: they were changed after the installation"
        return with_wheel(replace(package.package, sdist=sdist), "repacked", wheel, reason=reason, rebuilt=rebuilt)

    def keep(self, package: InstalledPackage, wheel: Path) -> Package:
        """Keep the wheel of this machine that the package was installed from."""
        return with_wheel(package.package, "local-file", self.wheels.keep(wheel, package.label))

    def lock_direct(self, package: InstalledPackage, direct: DirectUrl) -> Package:
        """Lock a distribution that did not come from an index."""
        if direct.dir_info is not None:
            return self._lock_tree(package, direct)
        if (vcs := checkout_of(direct)) is not None:
            return as_checkout(self.repack(package, "installed from version control"), vcs)
        path = local_path(direct.url)
        if path is not None and path.suffix == ".whl" and has_content(path, package.record.content_digest):
            return self.keep(package, path)
        url = direct.url.partition("#")[0]
        sha256 = direct.archive_info.sha256 if direct.archive_info else ""
        if url.startswith("https://") and url.endswith(".whl") and sha256 and "@" not in url.split("/")[2]:
            file = IndexFile(filename=file_name(url), url=url, hashes={"sha256": sha256})
            return with_wheel(package.package, "direct-url", index_artefact(file))
        return self.repack(package, "the file that it was installed from is not there any more")

    def _lock_tree(self, package: InstalledPackage, direct: DirectUrl) -> Package:
        """Lock a source tree: an editable one is built into a wheel, an installed one repacked."""
        if not direct.is_editable:
            return self.repack(package, "installed from a folder")
        folder = self.files.source_tree(direct)
        if folder is None:
            return without_artefact(package.package, "its source folder is not there, or lies in an image")
        if is_own_code(folder, self.wheels.project):
            return self.lock_own_code(package, folder)
        if self.wheels.build is None:
            return without_artefact(package.package, "its source folder is built into a wheel only online")
        built = build_tree(folder, self.wheels, package.label)
        if not is_same_version(built.version, package.version):
            reason = f"its source folder builds version {built.version} by now; install it anew"
            return without_artefact(package.package, reason)
        reason = "built from the editable source folder"
        locked = with_wheel(package.package, "repacked", built.wheel, reason=reason, rebuilt=built.content_digest)
        locked = replace(locked, installed=replace(locked.installed, source_digest=built.source_digest))
        return as_source_tree(locked, folder, self.wheels, editable=True)

    def lock_own_code(self, package: InstalledPackage, tree: Path) -> Package:
        """Lock an editable installation of the project's own code: how it is found, and not what it is.

        Where verify will have to build it, a build is tried: it is to fail here, if it fails.
        """
        project = self.wheels.project
        try:
            source = read_editable_source(package, tree, project)
            if source.is_built and self.wheels.build is not None:
                with self.wheels.scratch("build") as scratch:
                    self.wheels.build(tree, Path(scratch))
        except CaptureError as error:
            return without_artefact(package.package, str(error))
        return as_own_code(package.package, relative_to(tree.resolve(), project.resolve()), source)


def checkout_of(direct: DirectUrl) -> Vcs | None:
    """Return the PEP 751 entry of a checkout."""
    if direct.vcs_info is None:
        return None
    return Vcs(
        type=direct.vcs_info.vcs,
        url=without_secrets(direct.url),
        commit_id=direct.vcs_info.commit_id,
        requested_revision=direct.vcs_info.requested_revision,
        subdirectory=direct.subdirectory,
    )
