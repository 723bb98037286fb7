"""A run that sees the project through an overlay: what it writes lands in the run's folder, and the project stays."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from envsnap.environment import Completed
from envsnap.errors import JobError, OverlayRefusedError
from envsnap.host.overlay import Overlay
from envsnap.host.own_places import BASELINE, GIT, LOCK, WORK
from envsnap.manifest.lockfile import HEADER
from envsnap.run.output_files import names_of

REPORTS = "reports"
WRITTEN = "written"
ADVICE = "a run must not touch the baseline and the runs before it; let the job write elsewhere"
_VENV = "venv"


def run_overlaid(
    project: Path,
    folder: Path,
    hidden: Sequence[Path],
    python: str,
    execute: Callable[[Path, Overlay | None], Completed],
) -> Completed:
    """Have a command executed with an overlay and the folder, as it sees it, where it reports.

    For the command, the baseline, envsnap's work space and the ``hidden`` places are not there; of the work space it
    sees the virtual environment, if ``python`` lies there. What it made of the project lies in ``folder/written`` then,
    and what it reported in ``folder/reports``.

    Raises:
        OverlayRefusedError: there are no overlays here; nothing was run, and ``folder`` is as it was.
        JobError: the command wrote where the baseline or the work space would be.
    """
    overlay = Overlay(project, folder / WRITTEN, folder / "work")
    try:
        overlay.make()
        for place in (*_own_places(project, python), *hidden):
            overlay.hide(place)
        overlay.make_folder(Path(WORK, REPORTS))
        completed = execute(project / WORK / REPORTS, overlay)
    except OverlayRefusedError:
        overlay.settle()  # opens what is shut
        shutil.rmtree(overlay.upper, ignore_errors=True)
        raise
    finally:
        overlay.settle()
    reached = _reached(overlay.upper)
    _take_reports(overlay.upper, folder)
    if reached:
        raise JobError(f"the job wrote {', '.join(reached)}, which is envsnap's own: {ADVICE}")
    return completed


def _own_places(project: Path, python: str) -> Iterator[Path]:
    """Give what a run must not see of envsnap's: a lock tells the digests of the answer, which a job could try out."""
    yield from (Path(name) for name in (BASELINE, LOCK) if os.path.lexists(project / name))
    yield from (path.relative_to(project) for path in sorted(project.glob("*.lock")) if _is_lock(path))
    seen = {_VENV} if Path(python).is_relative_to(project / WORK / _VENV) else set()
    yield from (Path(WORK, name) for name in names_of(project / WORK) if name not in seen)


def _is_lock(path: Path) -> bool:
    beginning = HEADER.encode()
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(beginning)) == beginning
    except OSError:
        return False


def _reached(written: Path) -> list[str]:
    """Return what a run wrote that is envsnap's own."""
    names = list(names_of(written / WORK))
    found = [f"{WORK}/{name}" for name in names if name not in {REPORTS, _VENV}]
    if os.path.lexists(written / WORK) and not names:
        found.append(WORK)
    return found + ([BASELINE] if os.path.lexists(written / BASELINE) else [])


def _take_reports(written: Path, folder: Path) -> None:
    """Move the reports out of what a run wrote, and remove what is no part of it; no link of its own is followed."""
    if REPORTS in names_of(written / WORK) and not (written / WORK / REPORTS).is_symlink():
        (written / WORK / REPORTS).rename(folder / REPORTS)
    for name in (WORK, GIT):
        _remove(written / name)


def _remove(place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        place.unlink(missing_ok=True)
    else:
        shutil.rmtree(place)
