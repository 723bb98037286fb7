"""The blobs of a bundle that is being made: files named by their SHA-256, kept from one try to the next."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import BundleError
from envsnap.host.archive import TarMember, write_tar
from envsnap.host.files import FULL, sha256_file
from envsnap.manifest.bundle_index import BLOBS


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Blobs below ``root``, the folder of the bundle or what stands for it until its archive is written."""

    root: Path

    @property
    def blobs(self) -> Path:
        """The folder with the blobs."""
        return self.root / BLOBS

    def has(self, sha256: str) -> bool:
        """Whether there is a blob of that name; "" is none."""
        return (self.blobs / sha256).is_file()

    def size_of(self, sha256: str) -> int:
        """Return the size in bytes of a blob that is there."""
        return (self.blobs / sha256).stat().st_size

    def holds(self, sha256: str) -> bool:
        """Whether there is a blob with that digest; a file that is not what its name says is removed."""
        is_it = self.has(sha256) and sha256_file(self.blobs / sha256)[0] == sha256
        if not is_it:
            (self.blobs / sha256).unlink(missing_ok=True)
        return is_it

    def part_of(self, sha256: str) -> int:
        """Return how many bytes of a blob an earlier try left."""
        with contextlib.suppress(OSError):
            return (self.blobs / f"{sha256}.part").stat().st_size
        return 0

    def take(self, file: Path, sha256: str, label: str) -> bool:
        """Take over a file of this machine, where it has the digest; return whether it has.

        Raises:
            BundleError: there is no room for it.
        """
        if not file.is_file() or sha256_file(file)[0] != sha256:
            return False
        # Never a link: what is kept for years must not change with a file that others write to, nor they with it.
        copying = tempfile.TemporaryDirectory(dir=self.blobs, prefix="copy-")
        with room_in_bundle(label, self.root), copying as scratch:
            shutil.copyfile(file, Path(scratch) / sha256).replace(self.blobs / sha256)
        return True

    def archive(self, members: Iterable[TarMember], label: str) -> tuple[str, int]:
        """Write an archive as a blob; return its digest and size.

        Raises:
            BundleError: there is no room for it.
        """
        scratch = self.blobs / f"{os.getpid()}.tar.part"
        with room_in_bundle(label, self.root):
            write_tar(scratch, members)
            digest, size = sha256_file(scratch)
            scratch.replace(self.blobs / digest)
        return digest, size

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove the blobs and parts of other tries."""
        kept = frozenset(digests)
        for path in self.blobs.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in kept:
                path.unlink()


@contextlib.contextmanager
def room_in_bundle(label: str, place: Path) -> Iterator[None]:
    """Tell a disk that is full, while ``label`` is written, from what else can go wrong.

    Raises:
        BundleError: no room is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BundleError(
            f"{label} cannot be written to {place}: {error.strerror}; make room, or name another place with --output, "
            "and run the command again; it goes on where it stopped"
        ) from error
