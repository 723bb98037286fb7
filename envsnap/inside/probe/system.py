"""The state of what decides which system libraries are found and who owns them: cheap, asked on every freeze."""

from __future__ import annotations

import os

STATE_FILES = (
    "/etc/ld.so.cache",
    "/var/lib/dpkg/status",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite-wal",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/lib/apk/db/installed",
    "/usr/lib/apk/db/installed",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)
"""The loader's cache, the databases of the package managers, and the folders that are searched beside the cache."""


def system_state() -> list[str]:
    """Return texts that stay equal as long as the same libraries are found and the same packages own them."""
    search = os.environ.get("LD_LIBRARY_PATH", "")
    folders = [folder for folder in search.split(":") if folder.startswith("/")]
    stamps = [_stamp(path) for path in (*STATE_FILES, *folders)]
    return ["LD_LIBRARY_PATH=" + search, *(stamp for stamp in stamps if stamp)]


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return "%s %d %d %d" % (path, found.st_ino, found.st_size, found.st_mtime_ns)
