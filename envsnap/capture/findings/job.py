"""What a job's run shows that its reader should know: undeclared inputs, settings and seeds that move numbers."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from envsnap.capture.data import CapturedData
from envsnap.capture.findings.setting import setting_findings
from envsnap.host.own_places import LOCK, SETTINGS
from envsnap.manifest.finding import Finding, capped
from envsnap.manifest.observation import Observation, OpenedFile, UnseededGenerator, in_folder

MOST_FINDINGS = 50
"""Of undeclared inputs; the rest are counted."""
MOST_OF_A_FOLDER = 5
"""More undeclared files of one folder are told together."""
OWN_FILES = frozenset({*SETTINGS, LOCK})


def job_findings(
    observation: Observation,
    *,
    declared: CapturedData,
    outputs: Iterable[str],
    project: Path,
    untracked: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Tell what the run of a job shows, sorted.

    Args:
        observation: what was seen inside.
        declared: the job's inputs.
        outputs: paths of its outputs, in the project.
        project: the project's folder, absolute: the job ran in it.
        untracked: those of the files that git does not track: an earlier run, or somebody's hand, left them there.
    """
    undeclared = undeclared_reads(observation, declared=declared, outputs=outputs, project=project)
    found = (
        *_undeclared(undeclared, frozenset(untracked)),
        *_unseeded(observation.unseeded),
        *setting_findings(observation),
    )
    return tuple(sorted(found))


def undeclared_reads(
    observation: Observation, *, declared: CapturedData, outputs: Iterable[str], project: Path
) -> list[OpenedFile]:
    """Return what a run read that is neither an input, an output nor the project's settings; arguments as above."""
    left_out = OWN_FILES | {os.path.normpath(path) for path in outputs}
    places = _declared_places(declared, project)
    return [
        file for file in observation.opened if not {file.path, file.real} & left_out and not _is_declared(file, places)
    ]


def in_project(paths: Iterable[str]) -> tuple[str, ...]:
    """Return those of the paths, as an observer tells them, that lie in the project."""
    return tuple(sorted({path for path in paths if in_folder(path)}))


def _declared_places(declared: CapturedData, project: Path) -> frozenset[str]:
    """Return every spelling under which an input can be opened: as declared, absolute, and with links followed."""
    home = os.path.expanduser("~")  # noqa: PTH111 - the observer writes it as text
    places = {os.path.normpath(datum.path) for datum in declared.data}
    places |= {str(project / place) for place in places} | {str(path) for path in declared.outside}
    places |= {os.path.realpath(project / place) for place in places}
    return frozenset(places | {"~" + place[len(home) :] for place in places if place.startswith(home + os.sep)}) | {
        os.path.relpath(place, project) for place in places if Path(place).is_relative_to(project)
    }


def _is_declared(file: OpenedFile, places: frozenset[str]) -> bool:
    """Tell whether a file, or a folder that holds it, is an input."""
    for path in filter(None, (file.path, file.real)):
        if path in places or any(str(parent) in places for parent in PurePosixPath(path).parents):
            return True
    return False


def _undeclared(files: Iterable[OpenedFile], left: frozenset[str]) -> tuple[Finding, ...]:
    folders: dict[str, list[OpenedFile]] = {}
    for file in files:
        folders.setdefault(str(PurePosixPath(file.path).parent), []).append(file)
    found = sorted(finding for folder, held in folders.items() for finding in _of_folder(folder, held, left))
    return capped(found, MOST_FINDINGS, "files or folders were read that job.inputs does not name")


def _of_folder(folder: str, files: list[OpenedFile], left: frozenset[str]) -> Iterator[Finding]:
    if len(files) <= MOST_OF_A_FOLDER or folder == ".":
        for file in files:
            where = _where(file.path, file.path in left)
            detail = f"the job read it ({file.size} bytes); job.inputs does not name it{where}"
            yield Finding(kind="undeclared-input", subject=file.path, detail=detail)
        return
    names = ", ".join(PurePosixPath(file.path).name for file in files[:3])
    detail = f"the job read {len(files)} files of this folder ({names}, ...); job.inputs does not name them"
    where = _where(folder, any(file.path in left for file in files))
    yield Finding(kind="undeclared-input", subject=f"{folder}/", detail=f"{detail}{where}")


def _where(path: str, is_left: bool) -> str:
    if not in_folder(path):
        return ", and it lies outside of the project"
    unknown = ", and git does not track it: an earlier run or somebody's hand left it there" if is_left else ""
    return f"; it lies in the project's folder{unknown}"


def _unseeded(generators: Iterable[UnseededGenerator]) -> Iterator[Finding]:
    places: dict[str, set[str]] = {}
    for generator in generators:
        places.setdefault(generator.place, set()).add(generator.call)
    for place, calls in places.items():
        detail = (
            f"{', '.join(sorted(calls))} got no seed; envsnap gives it one that repeats, a run without envsnap does not"
        )
        yield Finding(kind="unseeded-generator", subject=place, detail=detail)
