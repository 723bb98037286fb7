"""Where the files of an installed distribution are read from: this machine, or a copy out of an environment."""

import json
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from envsnap.environment import Environment
from envsnap.environment.script import Script, run_script
from envsnap.errors import CaptureError
from envsnap.host.index.config import local_path
from envsnap.manifest.installed import DirectUrl, InstalledPackage

COPY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class InstalledCopy:
    """A distribution whose ``root`` can be read here, and the prefix that it then lies in."""

    package: InstalledPackage
    prefix: Path


@dataclass(frozen=True, slots=True)
class OnThisMachine:
    """Files of an environment on this machine, whose prefix is ``prefix``."""

    prefix: Path

    def bring(self, package: InstalledPackage, scratch: Path) -> InstalledCopy:
        """Return it as it is; nothing is copied into ``scratch``."""
        del scratch
        return InstalledCopy(package, self.prefix)

    def source_tree(self, direct: DirectUrl) -> Path | None:
        """Return the folder that an editable installation is imported from; None where it is not there."""
        path = local_path(direct.url)
        return path if path is not None and path.is_dir() else None


@dataclass(frozen=True, slots=True)
class InsideEnvironment:
    """Files that only the environment itself can read, as in a container image.

    Args:
        environment: it copies them.
        prefix: its prefix.
        workdir: a folder that the environment sees under the same path; scratch folders lie in it.
    """

    environment: Environment
    prefix: Path
    workdir: Path

    def bring(self, package: InstalledPackage, scratch: Path) -> InstalledCopy:
        """Copy the files that RECORD names into ``scratch``.

        Raises:
            CaptureError: the environment could not copy them.
        """
        asked = {
            "root": package.root,
            "folder": package.folder,
            "prefix": str(self.prefix),
            "target": str(scratch),
        }
        done = run_script(self.environment, self.workdir, Script("copy_files.py", COPY_SECONDS, (json.dumps(asked),)))
        if done.exit_code:
            tail = " ".join(done.stderr.decode("utf-8", "replace").split()[-30:])
            raise CaptureError(f"{package.label}: the {self.environment.name} could not copy its files: {tail}")
        root = scratch / package.root.lstrip("/")
        return InstalledCopy(replace(package, root=str(root)), scratch / str(self.prefix).lstrip("/"))

    def source_tree(self, direct: DirectUrl) -> Path | None:
        """Return None: a folder of that name on this machine would be another one."""
        del direct
        return None


InstalledFiles = OnThisMachine | InsideEnvironment
"""Whatever makes installed files readable."""
