"""The file that a lock was resolved from, where it was not made from an installed environment."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

SpecificationFormat = Literal[
    "requirements", "pyproject", "pylock", "uv-lock", "pipfile-lock", "environment-yml", "conda-lock"
]
FileSha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class SpecificationFile(Model, frozen=True):
    """A file that took part.

    Args:
        path: relative to the project.
        sha256: of the file.
    """

    path: str
    sha256: FileSha256


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
    sha256: FileSha256
    included: tuple[SpecificationFile, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
