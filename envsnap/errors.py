"""The one exception hierarchy; each class carries the exit code that the command line returns."""

from typing import ClassVar


class EnvsnapError(Exception):
    """Anything that envsnap can explain: what failed, where, and what to do about it."""

    exit_code: ClassVar[int] = 2


class UsageError(EnvsnapError):
    """The command line asks for something that cannot be done."""


class InvalidFileError(EnvsnapError):
    """An envsnap.toml or envsnap.lock that is not valid."""


class CaptureError(EnvsnapError):
    """The environment could not be captured or locked."""

    exit_code = 4


class UnreachableError(CaptureError):
    """A server does not answer, or its answer breaks off."""


class UnsatisfiableError(CaptureError):
    """The indexes answered, and do not serve what is required."""


class UnsolvableError(CaptureError):
    """The conda channels answered, and there is no solution."""


class LyingIndexError(CaptureError):
    """An index serves another file than the one that it announces."""


class WheelUnreadableError(CaptureError):
    """A wheel's RECORD cannot be read where it lies."""


class NoRangesError(WheelUnreadableError):
    """The server gives whole files only."""


class BrokenWheelError(WheelUnreadableError):
    """The file is there and can be read, and is no wheel."""


class DiskFullError(EnvsnapError):
    """A file cannot be written, since no room is left for it."""

    exit_code = 4


class BuildError(EnvsnapError):
    """The environment could not be rebuilt."""

    exit_code = 5


class BundleError(EnvsnapError):
    """A bundle cannot be made, or is not what it says."""

    exit_code = 5


class RefusedError(BundleError):
    """The server has a file no longer, or has another one: no other try would help."""


class BrokenError(BundleError):
    """What came is not the file; another try may help."""


class WrongBytesError(BrokenError):
    """A whole file came, and it is another one."""


class EnvironmentDiffersError(EnvsnapError):
    """The rebuilt environment is not the one that the lock records."""

    exit_code = 5


class JobError(EnvsnapError):
    """The job failed or timed out."""

    exit_code = 6


class OutputError(EnvsnapError):
    """An output of the job cannot be read as what it claims to be."""

    exit_code = 6


class InputError(EnvsnapError):
    """An input of the job is not the one that the lock records."""

    exit_code = 6


class MissingToolError(EnvsnapError):
    """A tool or engine that is needed is missing or unreachable."""

    exit_code = 7


class CommandNotFoundError(MissingToolError):
    """The environment has no such command."""


class OverlayRefusedError(MissingToolError):
    """The kernel or the engine shows no folder as an overlay here."""
