"""What the probe said of the distributions of this machine, kept for the next probe: most of them never change."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envsnap.capture.packages import ProbedPackage


class KnownPackages:
    """The file that the probe is given; a cache: one that cannot be read is as good as none.

    The probe holds each description against the state of the files that it was read from, and reads them again where
    it is another one.

    Args:
        project: whose ``.envsnap`` folder it lies in.
    """

    def __init__(self, project: Path) -> None:
        self.path = project / ".envsnap" / "cache" / "packages.json"
        self._project = project
        self._started = time.time_ns()

    def remember(self, packages: Iterable["ProbedPackage"]) -> None:
        """Keep the descriptions that the probe just gave, if they are not the ones that are kept already."""
        import msgspec

        from envsnap.host.files import atomic_write, work_folder
        from envsnap.inside.probe._probe_known import VERSION

        sound = {f"{package.root}/{package.folder}": package for package in packages if self._is_lasting(package)}
        encoded = msgspec.json.encode({"version": VERSION, "packages": sound})
        try:
            if not self.path.is_file() or self.path.read_bytes() != encoded:
                work_folder(self._project)
                atomic_write(self.path, encoded)
        except OSError:
            return  # a full or read-only disk: what was probed is right all the same

    def _is_lasting(self, package: "ProbedPackage") -> bool:
        """Whether nothing is wrong with it, and all that was read for it is in its ``state``.

        What a package manager said is not, nor what stands beside it. Files that were changed just now may change
        again without a trace: https://git-scm.com/docs/racy-git. A URL can hold a login, which is written nowhere.
        """
        from envsnap.host.digests import RACY_NANOSECONDS

        whole = not (package.problem or package.unreadable or package.owner or package.sampled)
        has_url = bool(package.direct_url or package.provenance_url)
        told = bool(package.state and package.first_file)
        return whole and told and not has_url and package.newest < self._started - RACY_NANOSECONDS
