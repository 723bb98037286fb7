"""A folder that a command sees as it is, while what it writes there lands elsewhere: an overlay of the kernel's.

What a command removes is a whiteout in the upper folder, a device with the number 0, which every user may make.
https://docs.kernel.org/filesystems/overlayfs.html
"""

import ctypes
import os
import re
import shutil
import stat
from contextlib import suppress
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
            OverlayRefusedError: this system makes no whiteouts for users (Linux before 5.8).
        """
        self.folder(place.parent)
        try:
            os.mknod(self.upper / place, stat.S_IFCHR, os.makedev(0, 0))
        except OSError as error:
            raise OverlayRefusedError(f"no whiteout can be made: {error.strerror}") from error

    def folder(self, place: PurePath) -> Path:
        """Make a folder of the upper one, like the lower one's of that name; return it."""
        for folder in (*reversed(place.parents), place):
            made, model = self.upper / folder, self.lower / folder
            if not made.is_dir():
                made.mkdir()
                if model.is_dir():
                    shutil.copystat(model, made)
        return self.upper / place

    def settle(self) -> None:
        """Leave in the upper folder what the command made, and only files, folders and links, all of them readable.

        Whiteouts, pipes, sockets and the kernel's folder go.
        """
        for top, folders, files in os.walk(self.upper):
            for name in folders:
                path = Path(top, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | stat.S_IRWXU)
            for name in files:
                path = Path(top, name)
                if not stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
                    path.unlink()
        for path in (self.work / "work", self.work / "index"):
            with suppress(OSError):
                path.rmdir()  # an engine's, empty; this user may not look into it
            with suppress(OSError):
                path.chmod(stat.S_IRWXU)
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


class Entry:
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
