"""Manifest -> pylock.toml: https://packaging.python.org/en/latest/specifications/pylock-toml/ (PEP 751).

A source tree that has a rebuilt wheel is exported as that wheel: it installs without a compiler, its hash is checked,
and its files are the proven ones. PEP 751 allows no ``vcs`` or ``directory`` beside it, so the commit goes to ``tool``.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.lockfile import plain
from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Package
from envsnap.manifest.toml import Plain
from envsnap.render.export_file import ExportFile, ExportPlace, header, omit, omit_conda_packages, python_packages

TOOL = "envsnap"
SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
"""``sys.platform`` by what ``platform.system()`` says."""
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
"""What can stand between the quotes of a marker: those have no escapes (PEP 508)."""


def render_pylock(manifest: Manifest, place: ExportPlace) -> ExportFile:
    """Render every package that has a wheel, a commit or a source folder; paths are relative to ``place``."""
    import tomli_w

    contents = manifest.contents
    judged = [(package, _problem(package)) for package in python_packages(contents)]
    held = tuple(package for package, problem in judged if not problem)
    lacking = [omit(package, problem) for package, problem in judged if problem]
    document = _head(contents.interpreter, contents.platform) | {
        "packages": [_entry(package, place) for package in held],
        "tool": {TOOL: {"manifest": manifest.snapshot.digest, "created-at": manifest.snapshot.created_at}},
    }
    return ExportFile(
        text=header(manifest) + tomli_w.dumps(document, multiline_strings=False),
        packages=len(held),
        left_out=tuple(sorted([*lacking, *omit_conda_packages(contents)])),
        remarks=tuple(remark for package in held for remark in _remarks(package)),
    )


def _head(interpreter: Interpreter, platform: Platform) -> Plain:
    markers = _markers(interpreter, platform)
    return {
        "lock-version": "1.0",
        **({"environments": [markers]} if markers else {}),
        "requires-python": _requires_python(interpreter),
        "created-by": TOOL,
    }


def _problem(package: Package) -> str:
    """Say why PEP 751 has no entry for a package; "" where it has one."""
    wheel = package.wheel
    if wheel is None:
        reason = package.installed.reason or "the lock has no artefact of it"
        is_source = package.vcs.url and package.vcs.commit_id if package.vcs else package.directory
        return "" if is_source else reason
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except (InvalidWheelFilename, InvalidVersion):
        return f"the name of its file, {wheel.name}, is not one of a wheel"
    if name != package.name or version != _version(package):
        return f"the name of its file, {wheel.name}, tells of another name or version"
    return ""


def _version(package: Package) -> Version | None:
    try:
        return Version(package.installed_version)
    except InvalidVersion:
        return None


def _entry(package: Package, place: ExportPlace) -> Plain:
    """Make a ``[[packages]]`` table: the lock's own keys, what PEP 751 has no word for under ``tool``."""
    table = plain(package)
    installed = table.pop("installed")
    assert isinstance(installed, dict)  # noqa: S101 - a struct always becomes a table
    for key in ("wheels", "sdist"):
        table.pop(key, None)
    if package.wheel is not None:
        extra = {key: table.pop(key) for key in ("vcs", "directory") if key in table}
        installed = {key: value for key, value in installed.items() if key not in {"wheel", "version"}} | extra
        table |= {"version": package.installed_version, "wheels": [_file(package.wheel, place)]}
    else:
        table = {key: value for key, value in table.items() if key not in {"version", "index", "directory"}}
    if package.wheel is None and package.vcs is None and package.directory is not None:
        table["directory"] = plain(package.directory) | {"path": place.beside_lock(package.directory.path)}
    if package.sdist is not None and _is_sdist_of(package.sdist, package):
        table["sdist"] = _file(package.sdist, place)
    return _in_order(table | {"tool": {TOOL: installed}})


def _in_order(table: Plain) -> Plain:
    """Put name and version first, as people read an entry."""
    first = ("name", "version", "index")
    return {key: table[key] for key in first if key in table} | {key: table[key] for key in table if key not in first}


def _file(file: Artefact, place: ExportPlace) -> Plain:
    table = plain(file)
    if file.path is not None:
        table["path"] = place.beside_lock(file.path)
    received = _time(file.upload_time)
    table.pop("upload-time", None)
    return table | ({"upload-time": received} if received else {})


def _time(text: str | None) -> datetime | None:
    """Read the index's time: TOML has a type for it, and PEP 751 asks for that."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _is_sdist_of(file: Artefact, package: Package) -> bool:
    """Whether the name is that of an sdist as PEP 751 understands it; older ones, as ``.tar.bz2``, are not."""
    try:
        name, version = parse_sdist_filename(file.name)
    except (InvalidSdistFilename, InvalidVersion):
        return False
    return package.wheel is not None and name == package.name and version == _version(package)


def _remarks(package: Package) -> Iterator[str]:
    """Warn of what is built by whoever installs it; pip refuses a whole file in which a part has no hash."""
    if package.wheel is None:
        source = "source folder" if package.vcs is None else "commit"
        yield (
            f"{package.name} {package.installed_version} is built from its {source}, for no wheel of it was kept: "
            "its files can differ, and pip, unlike uv, takes none of the packages, because this one has no hash"
        )


def _markers(interpreter: Interpreter, platform: Platform) -> str:
    """Name the platform that the wheels are for; what could leave its quotes is left out."""
    facts = (
        ("sys_platform", SYSTEMS.get(platform.system, "")),
        ("platform_machine", platform.arch),
        ("implementation_name", interpreter.implementation),
    )
    return " and ".join(f"{name} == '{value}'" for name, value in facts if _WORD.fullmatch(value))


def _requires_python(interpreter: Interpreter) -> str:
    """Name the minor version: wheels for it, and for no other, are listed."""
    major, minor, *_ = interpreter.version.split(".")
    return f"=={major}.{minor}.*"
