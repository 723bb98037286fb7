"""A folder that a command sees as it is, while what it writes there lands elsewhere: an overlay of the kernel's.

What a command removes is a whiteout in the upper folder, a device with the number 0, which every user may make.
https://docs.kernel.org/filesystems/overlayfs.html
"""

import ctypes
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from envsnap.errors import OverlayRefusedError

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_SLAVE = 0x4000, 0x80000
_MOUNTS = Path("/proc/self/mountinfo")
_OWN_ROOT = "redirect_dir=on,index=off,metacopy=off"
"""Where the kernel's administrator mounts: the upper folder holds whole files, and a folder can be renamed."""
_OWN_USER = "userxattr"
"""Where a user mounts; the kernel then makes whole files alone, and renames no folder of the lower one."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a command sees, what it wrote, and a folder of the kernel's own; the latter two on one file system.

    The upper folder may lie in the lower one, if it is hidden there.
    """

    lower: Path
    upper: Path
    work: Path

    def make(self) -> None:
        """Make the upper folder, with nothing in it, and the kernel's.

        Raises:
            OverlayRefusedError: another file system is mounted within the lower folder, and would not be seen.
        """
        if mounted := _mounted_within(self.lower):
            raise OverlayRefusedError(f"{mounted} is a mount of its own")
        self.upper.mkdir(parents=True)
        shutil.copystat(self.lower, self.upper)
        self.work.mkdir()

    def hide(self, place: PurePath) -> None:
        """Let the command not see ``place``, relative to the lower folder; it is no link, nor is a folder above it.

        Raises:
            OverlayRefusedError: no whiteout can be made (by a user: Linux before 5.8), or no folder.
        """
        if any(_is_whiteout(self.upper / hidden) for hidden in (place, *place.parents)):
            return
        with self._opened(place.parent):
            if (self.upper / place).is_dir():  # something in it was hidden before
                for _ in _walk(self.upper / place):
                    pass
                shutil.rmtree(self.upper / place)
            os.mknod(self.upper / place, stat.S_IFCHR, os.makedev(0, 0))

    def make_folder(self, place: PurePath) -> None:
        """Make a folder of the upper one, like the lower one's of that name if there is one.

        Raises:
            OverlayRefusedError: it cannot be made.
        """
        with self._opened(place):
            pass

    @contextmanager
    def _opened(self, place: PurePath) -> Iterator[None]:
        """Make a folder and those above it, open while the block runs; then each is like its model in the lower one."""
        folders = (*reversed(place.parents), place)
        try:
            for folder in folders:
                (self.upper / folder).mkdir(exist_ok=True)
                (self.upper / folder).chmod(stat.S_IRWXU)
            yield
            for folder in reversed(folders):
                if (model := self.lower / folder).is_dir():
                    shutil.copystat(model, self.upper / folder)
        except OSError as error:
            raise OverlayRefusedError(f"{error.filename or place}: {error.strerror}") from error

    def settle(self) -> None:
        """Leave in the upper folder what the command made: files, folders that can be looked into, and links.

        Whiteouts, pipes, sockets and the kernel's folder go. What another user owns stays as it is.
        """
        for top, _folders, files in _walk(self.upper):
            for name in files:
                path = Path(top, name)
                with suppress(OSError):
                    if not stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
                        path.unlink()
        for path in (self.work / "work", self.work / "index"):
            with suppress(OSError):
                path.rmdir()  # an engine's, empty; this user may not look into it
            _opened(path)
        shutil.rmtree(self.work, ignore_errors=True)

    def options(self, *, rootless: bool) -> str:
        """Return the mount's options for an engine.

        Raises:
            OverlayRefusedError: a path holds a character that separates options.
        """
        folders = {"lowerdir": self.lower, "upperdir": self.upper, "workdir": self.work}
        for path in folders.values():
            if re.search(r"[,:\\\"\s]", str(path)):
                raise OverlayRefusedError(f"{path} has a character that separates options of a mount")
        return ",".join([*(f"{name}={path}" for name, path in folders.items()), _OWN_USER if rootless else _OWN_ROOT])


class OverlayMount:
    """Takes a new process into an overlay, before it becomes the command; called in it, in the lower folder."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._libc = ctypes.CDLL(None, use_errno=True)  # now: the new process is to load nothing
        self._told, self._tell = os.pipe()
        self._user, self._group = os.geteuid(), os.getegid()
        upper, work = (os.path.relpath(path, overlay.lower) for path in (overlay.upper, overlay.work))
        # relative to the lower folder: a comma in its own path would end the option
        self._options = f"lowerdir=.,upperdir={upper},workdir={work}"

    def __call__(self) -> None:
        """Mount, in a namespace of the process's own, and enter."""
        try:
            own = self._separate()
            self._call("mount", None, b"/", None, MS_REC | MS_SLAVE, None)
            place = os.fsencode(self._overlay.lower)
            self._call("mount", b"overlay", place, b"overlay", 0, f"{self._options},{own}".encode())
            os.chdir(place)
        except OSError as error:
            os.write(self._tell, str(error).encode())
            raise

    def close(self) -> str:
        """Return why the process could not enter; "" where it did not say."""
        os.close(self._tell)
        with os.fdopen(self._told, "rb") as pipe:
            return pipe.read().decode()

    def _separate(self) -> str:
        try:
            self._call("unshare", CLONE_NEWNS)
        except PermissionError:
            self._call("unshare", CLONE_NEWNS | CLONE_NEWUSER)
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{self._user} {self._user} 1"),
                ("gid_map", f"{self._group} {self._group} 1"),
            ):
                _write(f"/proc/self/{name}", text)
            return _OWN_USER
        return _OWN_ROOT

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._libc, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")


def _is_whiteout(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.lstat().st_mode)
    except OSError:
        return False


def _opened(folder: Path) -> Path:
    """Let this user look into a folder that is its own, and write there; return it."""
    with suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    return folder


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk as :func:`os.walk` does, and open each folder first."""
    for top, folders, files in os.walk(_opened(folder)):
        for name in folders:
            _opened(Path(top, name))
        yield top, folders, files


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _mounted_within(folder: Path) -> str:
    """Return a place below ``folder`` where something is mounted: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise OverlayRefusedError(f"this system has no {_MOUNTS}") from error
    places = (re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines)
    real = os.path.realpath(folder)
    return next((place for place in places if place.startswith(real + os.sep)), "")
