"""What a reader of the manifest should know: what looks wrong, and what could not be captured."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from envsnap.manifest.model import Model

KINDS = {
    "changed-setting": "a framework's setting was not the same at the job's end as after its import",
    "dirty-package": "an editable installation whose source has uncommitted changes",
    "doubled-package": "two records of one project in one folder, as an interrupted installation leaves them",
    "driver": "the GPU driver does not answer, answers with errors, or does not fit the framework",
    "edited-file": "a file of a package is not the one that its RECORD names",
    "extra-file": "a file in a package's folder that no RECORD names",
    "lfs-pointer": "an input is a Git LFS pointer in place of the data",
    "missing-file": "a file that a package's RECORD names is not there",
    "missing-library": "a library that an extension module needs is not there",
    "nondeterministic-setting": "a setting under which the same job can give other numbers",
    "outside-file": "a RECORD names a file outside of the environment, which is not looked at",
    "outside-package": "a package that comes from outside of the environment's own folder",
    "overwritten-package": "files of one package manager were overwritten by another",
    "partial-package": "a package that an interrupted installation or removal left half there",
    "patch-left-out": "uncommitted changes whose text is not kept beside the lock",
    "ranks-differ": "the ranks of a distributed job were not set alike, or not all observed",
    "runs-differ": "the runs of the baseline did not read the same, or were not seeded or set alike",
    "secret-left-out": "a login, key or token was found; its value is not recorded",
    "shadowed-library": "several copies of one accelerator library stand side by side",
    "shadowed-package": "a copy of a package that stands before this one on the search path is imported instead",
    "tf32": "TensorFloat-32 was on: products of float32 have ten bits of mantissa",
    "tracked-input": "an input is not the version that DVC or Git LFS records",
    "two-indexes": "two configured indexes serve a project of this name: either could give another package",
    "undeclared-input": "the job read a data file that job.inputs does not name",
    "unreadable": "a file or folder of the environment cannot be read as what it is",
    "unseeded-generator": "the job made a random generator without a seed",
    "yanked-release": "the index withdrew the release that is installed; it stays locked",
}
"""Every kind of finding, and what it means."""

Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z", max_length=64)]


class Finding(Model, frozen=True, order=True):
    """Something about the environment or the job that can move numbers, or that looks wrong.

    Args:
        kind: one of :data:`KINDS`; a newer envsnap may know more.
        subject: what it is about: a package, a file, a variable, a setting.
        detail: what was found, in a sentence; never a secret.
    """

    kind: Kind
    subject: str
    detail: str


def capped(findings: Sequence[Finding], most: int, what: str) -> tuple[Finding, ...]:
    """Keep the first ``most`` findings, all of one kind; of the others one tells how many more ``what``."""
    left = len(findings) - most
    others = [Finding(kind=findings[0].kind, subject="others", detail=f"{left} more {what}")] if left > 0 else []
    return (*findings[:most], *others)


class UncapturedFact(Model, frozen=True):
    """A fact that could not be captured.

    Args:
        what: the fact.
        reason: why.
    """

    what: str
    reason: str
