"""The file that a lock was resolved from, where it was not made from an installed environment."""

from typing import Literal

from envsnap.manifest.model import Model, Sha256

SpecificationFormat = Literal[
    "requirements", "pyproject", "pylock", "uv-lock", "pipfile-lock", "environment-yml", "conda-lock"
]


class SpecificationFile(Model, frozen=True):
    """A file that took part.

    Args:
        path: relative to the project.
        sha256: of the file.
    """

    path: str
    sha256: Sha256


class Specification(Model, frozen=True):
    """The file that the packages were resolved from; then nothing of them was found installed.

    Args:
        path: relative to the project.
        format: how it was read.
        sha256: of the file.
        included: the files that it brings in, for example by ``-r``, in the order in which they were read.
        extras: of the project that were asked for.
        groups: the dependency groups that were asked for.
    """

    path: str
    format: SpecificationFormat
    sha256: Sha256
    included: tuple[SpecificationFile, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
