"""envsnap export: envsnap.lock -> a file that another tool reads."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from envsnap.errors import UsageError
from envsnap.host.files import atomic_write, relative_to
from envsnap.manifest.manifest import Manifest
from envsnap.render.export_file import ExportFile, ExportPlace, OmittedPackage
from envsnap.workflow.interpreters import check_folder
from envsnap.workflow.progress import Progress
from envsnap.workflow.project import Lock, read_lock

Format = Literal["pylock", "requirements", "environment.yml", "conda-explicit", "conda-lock", "cyclonedx"]


@dataclass(frozen=True, slots=True)
class FileNameRule:
    """How a format's files are called: ``usual`` in a folder; ``rule`` is what its readers demand, and ``words`` it."""

    usual: str
    rule: str = r".+"
    words: str = ""


NAMES: dict[Format, FileNameRule] = {
    "pylock": FileNameRule(
        "pylock.toml", r"pylock(\.[^.]+)?\.toml", "pylock.toml or pylock.NAME.toml, NAME without dots"
    ),
    "requirements": FileNameRule("requirements.txt"),
    "environment.yml": FileNameRule("environment.yml", r".+\.ya?ml", "something that ends in .yml or .yaml"),
    "conda-explicit": FileNameRule("conda-explicit.txt", r".+\.txt", "something that ends in .txt"),
    "conda-lock": FileNameRule("conda-lock.yml", r".+-lock\.ya?ml", "something that ends in -lock.yml"),
    "cyclonedx": FileNameRule("envsnap.cdx.json", r".+\.json", "something that ends in .json"),
}
CONDA_ALONE = frozenset({"conda-explicit", "conda-lock"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRequest:
    """What the user asked for.

    Args:
        folder: of the project.
        lock: the lock to export.
        format: what to write.
        output: where: a file or an existing folder; None to hand back the text alone.
        allow_incomplete: whether a file that lacks packages is better than none.
    """

    folder: Path
    lock: Path
    format: Format
    output: Path | None = None
    allow_incomplete: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """A rendered file; ``path`` is None where it was not written."""

    format: Format
    path: Path | None
    manifest: Manifest
    exported: ExportFile


def export(request: ExportRequest, progress: Progress) -> ExportResult:
    """Render the lock, say what the format cannot hold, and write the file where one is asked for.

    Raises:
        UsageError: there is no lock, the format cannot hold it, or the file cannot be written there.
        InvalidFileError: the lock is not valid.
        MissingToolError: the format needs an extra that is not installed.
    """
    check_folder(request.folder)
    lock = read_lock(request.lock)
    for warning in lock.warnings:
        progress.warn(warning)
    path = _file(request)
    exported = _render(request.format, lock.manifest, _place(lock, path))
    for remark in (*exported.remarks, *_absent_wheels(lock, exported)):
        progress.warn(remark)
    _account(request, exported, progress)
    if path is not None:
        _write(path, exported.text)
    return ExportResult(format=request.format, path=path, manifest=lock.manifest, exported=exported)


def _file(request: ExportRequest) -> Path | None:
    """Return the file to write; the name is one that the format's readers take.

    Raises:
        UsageError: it is not, or it is the lock itself.
    """
    if request.output is None:
        return None
    naming = NAMES[request.format]
    path = request.output / naming.usual if request.output.is_dir() else request.output
    if not re.fullmatch(naming.rule, path.name):
        raise UsageError(f"-o {path}: who reads {request.format} wants a file named {naming.words}")
    if path.exists() and path.samefile(request.lock):
        raise UsageError(f"-o {path} is the lock itself: name another file")
    return path


def _place(lock: Lock, path: Path | None) -> ExportPlace:
    """Say where the text will stand: without a file, beside the lock."""
    folder = lock.path.resolve().parent
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "envsnap"
    return ExportPlace(lock_folder="" if path is None else relative_to(folder, path.resolve().parent), name=name)


def _render(wanted: Format, manifest: Manifest, place: ExportPlace) -> ExportFile:
    """Render one format; the others' libraries stay unloaded."""
    if wanted in CONDA_ALONE and not (manifest.contents.conda and manifest.contents.conda.packages):
        raise UsageError(
            f"the lock records no conda environment, and {wanted} describes nothing else: "
            "export pylock, requirements or environment.yml"
        )
    match wanted:
        case "pylock":
            from envsnap.render.pylock import render_pylock

            return render_pylock(manifest, place)
        case "requirements":
            from envsnap.render.requirements_file import render_requirements_file

            return render_requirements_file(manifest, place)
        case "environment.yml":
            from envsnap.render.environment_yml import render_environment_yml

            return render_environment_yml(manifest, place)
        case "conda-explicit":
            from envsnap.render.conda_explicit import render_conda_explicit

            return render_conda_explicit(manifest)
        case "conda-lock":
            from envsnap.render.conda_lock import render_conda_lock

            return render_conda_lock(manifest)
        case "cyclonedx":
            from envsnap.render.cyclonedx import render_cyclonedx

            return render_cyclonedx(manifest, place)
        case _:
            assert_never(wanted)


def _absent_wheels(lock: Lock, exported: ExportFile) -> Iterator[str]:
    """Name kept wheels that the text speaks of and that do not lie beside the lock."""
    wheels = (package.wheel for package in lock.manifest.contents.packages)
    kept = [wheel.path for wheel in wheels if wheel is not None and wheel.path]
    absent = [path for path in kept if not (lock.path.resolve().parent / path).is_file()]
    if absent and ".envsnap/wheels" in exported.text:
        names = ", ".join(path.rpartition("/")[2] for path in absent)
        yield f"not in .envsnap/wheels beside the lock, and needed there to install: {names}"


def _account(request: ExportRequest, exported: ExportFile, progress: Progress) -> None:
    """Say what the format cannot hold.

    Raises:
        UsageError: it cannot hold everything, and the user wants everything.
    """
    if not exported.left_out:
        return
    count, whole = len(exported.left_out), len(exported.left_out) + exported.packages
    text = f"{request.format} cannot hold {count} of the lock's {whole} packages"
    if not request.allow_incomplete:
        reasons = "".join(f"\n  {line}" for line in _reasons(exported.left_out))
        raise UsageError(f"{text}:{reasons}\n--allow-incomplete writes the others")
    progress.warn(f"{text}; these are left out:")
    for line in _reasons(exported.left_out):
        progress.warn(line)


def _reasons(left_out: Iterable[OmittedPackage]) -> Iterator[str]:
    """Give a line for each reason with the packages that it holds for."""
    lines: dict[str, list[str]] = {}
    for one in left_out:
        lines.setdefault(one.reason, []).append(f"{one.name} {one.version}".strip())
    yield from (f"{', '.join(names)}: {reason}" for reason, names in lines.items())


def _write(path: Path, text: str) -> None:
    try:
        atomic_write(path, text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"-o {path} cannot be written: {error.strerror}") from error
