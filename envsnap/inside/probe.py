"""Runs inside the interpreter that is captured and prints what it finds there as one JSON document.

Standard library only, Python 3.8 or newer, and nothing of the environment is imported: reading
``torch/version.py`` tells torch's CUDA without starting torch. The document follows the line MARKER, since
a ``.pth`` file or a ``sitecustomize`` of the environment may have printed something before.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import sysconfig

MARKER = "--- envsnap probe 1 ---"
METADATA_LIMIT = 4 * 1024 * 1024
SHARED_FOLDERS = ("bin/", "Scripts/", "include/")
INSTALLER_FILES = frozenset(
    [
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "provenance_url.json",
        "uv_cache.json",
        "uv_build.json",
    ]
)
DISTRIBUTION = re.compile(r"^(?P<name>.+?)-(?P<version>\d[^-]*|[^-]*\d[^-]*)(?:-.*)?\.(?:dist|egg)-info$")
SYS_VERSION = re.compile(r"^[^(]*\((?P<build>[^)]*)\)\s*\[(?P<compiler>.*)\]")
TORCH_FIELD = re.compile(r"^(cuda|hip|git_version|__version__)\b[^=]*=\s*(?:'([^']*)'|\"([^\"]*)\")", re.MULTILINE)


def main() -> None:
    """Print the marker and the document."""
    document = {
        "interpreter": interpreter(),
        "platform": platform_facts(),
        "packages": packages(),
        "conda": conda_packages(),
        "torch-build": torch_build(),
    }
    print("\n" + MARKER + "\n" + json.dumps(document, ensure_ascii=True))


def interpreter() -> dict[str, object]:
    """Describe the running interpreter.

    ``sys.version`` reads ``3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]``; conda-forge puts
    ``| packaged by conda-forge |`` before the parenthesis.
    """
    match = SYS_VERSION.match(sys.version)
    return {
        "implementation": sys.implementation.name,
        "version": "%d.%d.%d" % sys.version_info[:3] + _release_suffix(),
        "build": match.group("build") if match else "",
        "compiler": match.group("compiler") if match else "",
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base-prefix": sys.base_prefix,
        "conda": os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")),
        "venv": sys.prefix != sys.base_prefix,
        "uv": "uv =" in _read(os.path.join(sys.prefix, "pyvenv.cfg")),
        "path": roots(),
    }


def _release_suffix() -> str:
    letters = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}
    kind = letters[sys.version_info[3]]
    return kind + str(sys.version_info[4]) if kind else ""


def platform_facts() -> dict[str, str]:
    """Describe the operating system: C library, distribution and kernel release."""
    libc, _, libc_version = _confstr("CS_GNU_LIBC_VERSION").partition(" ")
    system = os.uname()
    return {
        "system": system.sysname,
        "arch": system.machine,
        "libc": libc,
        "libc-version": libc_version,
        "distribution": _distribution(),
        "kernel": system.release,
    }


def _confstr(name: str) -> str:
    try:
        return os.confstr(name) or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _distribution() -> str:
    fields = dict(line.split("=", 1) for line in _read("/etc/os-release").splitlines() if "=" in line)
    names = ("ID", "VERSION_ID", "VERSION_CODENAME")
    return " ".join(value for value in (fields.get(name, "").strip("\"'") for name in names) if value)


def roots() -> list[str]:
    """List the folders that imports are searched in, each once, without the one this script lies in.

    A folder counts once under its first spelling: in a virtual environment ``lib64`` can be a link to ``lib``.
    """
    own = os.path.realpath(os.path.dirname(os.path.abspath(__file__))) if "__file__" in globals() else None
    seen: dict[str, str] = {}
    for entry in sys.path:
        folder = os.path.abspath(entry) if entry else ""
        real = os.path.realpath(folder)
        if folder and real != own and os.path.isdir(folder):
            seen.setdefault(real, folder)
    return list(seen.values())


def packages() -> list[dict[str, object]]:
    """List every distribution on the search path, in search order."""
    found = []
    for root in roots():
        for entry in _entries(root):
            if entry.endswith(".dist-info"):
                found.append(wheel_distribution(root, entry))
            elif entry.endswith(".egg-info"):
                found.append(egg_distribution(root, entry))
            elif entry == "EGG-INFO" and root.endswith(".egg"):
                found.append(egg_distribution(root, entry, os.path.basename(root)))
    return found


def _entries(folder: str) -> list[str]:
    """List a folder; one that cannot be read holds nothing that an import could find either."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def wheel_distribution(root: str, entry: str) -> dict[str, object]:
    """Describe one ``.dist-info`` folder."""
    folder = os.path.join(root, entry)
    metadata = _read_bytes(os.path.join(folder, "METADATA"))
    wheel = _headers(_read(os.path.join(folder, "WHEEL")))
    record = _read(os.path.join(folder, "RECORD"))
    name, version = _identity(metadata.decode("utf-8", "replace"), entry)
    digest, files = content_digest(record)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "tags": wheel.get("tag", []),
        "build": "".join(wheel.get("build", [])),
        "metadata-sha256": hashlib.sha256(metadata).hexdigest() if metadata else "",
        "content-digest": digest,
        "files": files,
        "installer": _read(os.path.join(folder, "INSTALLER")).strip(),
        "requested": os.path.exists(os.path.join(folder, "REQUESTED")),
        "direct-url": _read(os.path.join(folder, "direct_url.json")),
        "problem": _problem(metadata, record, files),
    }


def _problem(metadata: bytes, record: str, files: int) -> str:
    if not metadata:
        return "its METADATA is missing or empty: the installation was interrupted"
    if not record.strip():
        return "it has no RECORD: which files belong to it is unknown"
    return "" if files else "its RECORD names no files: which files belong to it is unknown"


def egg_distribution(root: str, entry: str, egg: str = "") -> dict[str, object]:
    """Describe an ``.egg-info`` file or folder, as distutils, setuptools and Debian leave them, or an ``.egg``."""
    path = os.path.join(root, entry)
    text = _read(os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path)
    name, version = _identity(text, re.sub(r"\.egg$", ".egg-info", egg) or entry)
    return {
        "name": name,
        "version": version,
        "root": root,
        "folder": entry,
        "problem": "it was installed without a wheel (egg): which files belong to it is unknown",
    }


def _identity(metadata: str, entry: str) -> tuple[str, str]:
    headers = _headers(metadata.split("\n\n", 1)[0])
    match = DISTRIBUTION.match(entry)
    name = headers.get("name") or [match.group("name") if match else entry.rsplit(".", 1)[0]]
    version = headers.get("version") or [match.group("version") if match else ""]
    return name[0], version[0]


def _headers(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and not line[0].isspace():
            values.setdefault(key.strip().lower(), []).append(value.strip())
    return values


def content_digest(record: str) -> tuple[str, int]:
    """Return SHA-256 over the sorted ``path,hash`` rows of a RECORD, and how many rows took part.

    Left out is what differs between installers and places, not between artefacts: RECORD itself, the
    installer's own notes, scripts and headers, and compiled files.
    """
    rows = []
    for fields in _rows(record):
        path = _place(fields[0])
        if path and _counts(path):
            rows.append(path + "," + (fields[1] if len(fields) > 1 else ""))
    if not rows:
        return "", 0
    rows.sort()
    return hashlib.sha256("\n".join(rows).encode("utf-8")).hexdigest(), len(rows)


def _rows(record: str) -> list[list[str]]:
    """Split RECORD; only a record with quotes needs the slower csv module, and a quoted path can hold a newline."""
    if '"' in record:
        import csv
        import io

        return [row for row in csv.reader(io.StringIO(record, newline="")) if row]
    return [line.rstrip("\r").rsplit(",", 2) for line in record.split("\n") if line]


def _place(recorded: str) -> str:
    """Say where a file lies, in words that fit a wheel and its installation alike."""
    path = recorded.replace("\\", "/")
    first, _, rest = path.partition("/")
    if first.endswith(".data"):
        scheme, _, inner = rest.partition("/")
        path = {"purelib": inner, "platlib": inner, "data": inner}.get(scheme, "bin/")
    while path.startswith("../"):
        path = path[3:]
    return path


def _counts(path: str) -> bool:
    if path.endswith(".pyc") or path.startswith(SHARED_FOLDERS):
        return False
    folder, _, name = path.rpartition("/")
    return not (folder.endswith(".dist-info") and name in INSTALLER_FILES)


def conda_packages() -> list[dict[str, object]]:
    """List the conda records of the prefix, with the dist-info folders that each owns."""
    folder = os.path.join(sys.prefix, "conda-meta")
    if not os.path.isdir(folder):
        return []
    names = [name for name in _entries(folder) if name.endswith(".json")]
    return [_conda_record(os.path.join(folder, name)) for name in names]


def _conda_record(path: str) -> dict[str, object]:
    try:
        record = json.loads(_read(path))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return {"name": os.path.basename(path), "problem": "its record in conda-meta is not JSON"}
    keys = ("name", "version", "build", "channel", "subdir", "url", "sha256", "md5", "size")
    kept = {key: record[key] for key in keys if record.get(key) is not None}
    kept["owns"] = sorted({part for part in map(_dist_info, record.get("files") or []) if part})
    return kept


def _dist_info(path: str) -> str:
    match = re.search(r"([^/]+\.(?:dist|egg)-info)(?:/|$)", path)
    return match.group(1) if match else ""


def torch_build() -> dict[str, str]:
    """Return what ``torch/version.py`` says, without importing it."""
    for root in roots():
        text = _read(os.path.join(root, "torch", "version.py"))
        if text:
            return {match[0].strip("_"): match[1] or match[2] for match in TORCH_FIELD.findall(text)}
    return {}


def _read(path: str) -> str:
    return _read_bytes(path, None).decode("utf-8", "replace")


def _read_bytes(path: str, limit: int | None = METADATA_LIMIT) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read() if limit is None else file.read(limit)
    except OSError:
        return b""


if __name__ == "__main__":
    main()
