"""What one command keeps for the next in a file; losing it costs time and nothing else."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from envsnap.host.files import atomic_write

T = TypeVar("T")


class _Versioned(msgspec.Struct, frozen=True):
    version: int
    content: msgspec.Raw


class CacheFile(Generic[T]):
    """One value in a JSON file. A file that cannot be read, or is of another version, is as good as none.

    Args:
        path: of the file.
        kind: the type that the value has.
        version: of what the value says; another one's is not read.
    """

    def __init__(self, path: Path, kind: type[T], version: int) -> None:
        self._path, self._kind, self._version = path, kind, version
        self._kept: T | None = None

    def load(self) -> T | None:
        """Return the value that is kept, which nobody changes; None where there is none."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Versioned)
            if found.version == self._version:
                self._kept = msgspec.json.decode(found.content, type=self._kind)
        except (OSError, ValueError):
            return None
        return self._kept

    def save(self, value: T) -> None:
        """Keep ``value``, which nobody changes any more, in the former one's place, unless it is equal.

        Raises:
            OSError: the file cannot be written.
        """
        if value != self._kept:
            content = msgspec.Raw(msgspec.json.encode(value))
            atomic_write(self._path, msgspec.json.encode(_Versioned(self._version, content)))
            self._kept = value
