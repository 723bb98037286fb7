"""Tells the job's own files from those of the interpreter, its packages and the system."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    Frame = Any

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Of all that the observer brings."""
PREFIX_FOLDERS = ("bin", "conda-meta", "etc", "include", "lib", "lib32", "lib64", "libexec", "pkgs", "sbin", "ssl")
SYSTEM_FOLDERS = ("/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/var/cache")
SHARED_FOLDERS = ("ca-certificates", "fontconfig", "fonts", "icu", "locale", "mime", "terminfo", "zoneinfo")
"""Of ``share`` in a prefix; other folders there can hold data, as /usr/share/dataset-fashion-mnist does."""
HOME_FOLDERS = (
    ".aws",
    ".cache/fontconfig",
    ".cache/matplotlib",
    ".cache/pip",
    ".config",
    ".netrc",
    ".nv",
    ".ssh",
    ".triton",
)
PACKAGE_FOLDERS = ("/site-packages/", "/dist-packages/", ".dist-info/", ".egg-info/", "/.git/", "/.envsnap/")
ANSWERS = ("envsnap.baseline", os.path.join(".envsnap", "runs"))
"""In the job's folder: what former runs came to."""
COMPILED = "/torchinductor_"
"""Where torch keeps what it has compiled: code that was made from the job's, not data."""
IMPORT_SYSTEM = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
BEGUN = "ENVSNAP_BEGUN"
"""The start in nanoseconds, as whoever starts the job sets it; the first observed process adds the working folder for
its children: a launcher such as mpirun is none, and what it writes into /tmp is no data."""


def begin(environ: MutableMapping[str, str], now: int) -> tuple[int, str]:
    """Return when the job began, in nanoseconds since the epoch, and its working folder."""
    since, _, folder = environ.get(BEGUN, "").partition(" ")
    if not folder:
        since, folder = since or str(now), os.getcwd()
        environ[BEGUN] = "{} {}".format(since, folder)
    return int(since), folder


class Places:
    """The folders of one process.

    Args:
        folder: the job's working folder.
        reports: the observer's own folder of reports.
    """

    def __init__(self, folder: str, reports: str) -> None:
        self.folder = folder
        self._reports = reports + os.sep
        self._home = os.environ.get("HOME", "")
        self._library = os.path.dirname(os.__file__) + os.sep
        # The working folder may be the prefix itself: then only the prefix's usual folders are not the job's.
        prefixes = {spelt for path in (sys.prefix, sys.base_prefix) for spelt in (path, os.path.realpath(path))}
        self._left_out = (HERE + os.sep, reports + os.sep, *_below(prefixes, self._home, folder))
        self._own: dict[str, str | None] = {}

    def is_foreign(self, path: str) -> bool:
        """Tell whether an absolute path belongs to the interpreter, a package, the system or the observer."""
        return path.startswith(self._left_out) or COMPILED in path or any(part in path for part in PACKAGE_FOLDERS)

    def is_answer(self, path: str) -> bool:
        """Tell whether an absolute path is one of the baseline's, or of a former run's."""
        answers = tuple(os.path.join(self.folder, name, "") for name in ANSWERS)
        return path.startswith(answers) and not path.startswith(self._reports)

    def is_standard(self, path: str) -> bool:
        """Tell whether a module's file is of the standard library."""
        return path.startswith((self._library, "<frozen")) and not self.is_package(path)

    def is_package(self, path: str) -> bool:
        """Tell whether a file lies where packages are installed."""
        return any(part in path for part in PACKAGE_FOLDERS[:2])

    def shown(self, path: str) -> str:
        """Spell an absolute path relative to the working folder where it lies within, with ``~`` in the user's."""
        for folder, name in ((self.folder, ""), (self._home, "~/")):
            if len(folder) > 1 and path.startswith(folder + os.sep):
                return printable(name + path[len(folder) + 1 :])
        return printable(path)

    def caller(self, frame: Frame) -> str:
        """Return ``file:line`` of the first caller in the job's own files; "" where there is none.

        A worker's stack ends where multiprocessing entered it: what stands below is its parent's.
        """
        while frame is not None:
            code = frame.f_code
            if code.co_name == "_bootstrap" and code.co_filename.endswith("multiprocessing/process.py"):
                return ""
            # The observer's own generator, or one that a library makes while it is imported.
            if (code.co_name == "_stream" and code.co_filename.startswith(HERE)) or code.co_filename in IMPORT_SYSTEM:
                return ""
            name = self._own_name(code.co_filename, frame)
            if name:
                return "{}:{}".format(name, frame.f_lineno)
            frame = frame.f_back
        return ""

    def _own_name(self, file: str, frame: Frame) -> str | None:
        if file.startswith("<"):  # python -c, a prompt, a notebook
            return "-c" if frame.f_globals.get("__name__") == "__main__" and file == "<string>" else None
        if file not in self._own:
            path = os.path.normpath(os.path.join(self.folder, file))
            own = path.startswith(self._roots()) and not self.is_foreign(path) and not self.is_standard(path)
            self._own[file] = self.shown(path) if own else None
        return self._own[file]

    def _roots(self) -> tuple[str, ...]:
        script = getattr(sys.modules.get("__main__"), "__file__", None)
        beside = os.path.dirname(os.path.join(self.folder, script)) if script else self.folder
        return (self.folder.rstrip(os.sep) + os.sep, beside.rstrip(os.sep) + os.sep)


def _below(prefixes: set[str], home: str, folder: str) -> list[str]:
    found = [place + os.sep for place in SYSTEM_FOLDERS]
    found += [os.path.join(home, name) for name in HOME_FOLDERS if len(home) > 1]
    for prefix in prefixes | {"/usr", "/usr/local"}:
        whole = prefix not in ("/", "/usr", "/usr/local") and not (folder + os.sep).startswith(prefix + os.sep)
        found += [prefix + os.sep] if whole else [os.path.join(prefix, name, "") for name in PREFIX_FOLDERS]
        found += [os.path.join(prefix, "share", name, "") for name in SHARED_FOLDERS]
    return found


def printable(text: str) -> str:
    r"""Return text that every encoding can hold: bytes of a name that are not UTF-8 become ``\udcNN``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
