"""The distribution's packages that own the libraries which the environment and the job need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from envsnap.capture.answer import ask
from envsnap.capture.environment import CapturedEnvironment
from envsnap.environment import Environment
from envsnap.environment.script import Script
from envsnap.errors import CaptureError
from envsnap.host.cache import CacheFile
from envsnap.host.carried_files import elftools_folder
from envsnap.host.files import sha256_bytes
from envsnap.manifest.finding import Finding, UncapturedFact, capped
from envsnap.manifest.model import Model
from envsnap.manifest.observation import LoadedLibrary
from envsnap.manifest.system import System, SystemPackage

TIMEOUT_SECONDS = 600.0
CACHE_VERSION = 2
KEPT_ANSWERS = 16
"""A project has few environments; each change of one gives a new answer."""
MOST_FINDINGS = 40
"""Of one kind. The optional parts of a CUDA framework alone miss some ten libraries on a machine without a cluster."""


class MissingLibrary(Model, frozen=True):
    """A library that is nowhere; ``count`` files need it, of which ``needers`` names some."""

    soname: str
    needers: tuple[str, ...]
    count: int


class NeededLibraries(Model, frozen=True):
    """What the script found inside: libraries.py's document.

    Args:
        unreadable: by path, why a file that is named as a shared object is none.
        settled: whether it would say the same if it were asked again.
    """

    packages: tuple[SystemPackage, ...]
    unowned: tuple[str, ...]
    missing: tuple[MissingLibrary, ...]
    unreadable: dict[str, str]
    problems: tuple[str, ...]
    settled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedSystem:
    """The system's packages, and what to say of them.

    Args:
        system: None where it could not be captured.
        findings: libraries that are missing, files that are no libraries.
        not_captured: what kept the packages from being found.
    """

    system: System | None
    findings: tuple[Finding, ...]
    not_captured: tuple[UncapturedFact, ...]


def capture_system(
    environment: Environment,
    folder: Path,
    captured: CapturedEnvironment,
    cache: Path,
    loaded: Iterable[LoadedLibrary] = (),
) -> CapturedSystem:
    """Return the packages that own what the extension modules need and the job had loaded.

    Reading every shared object takes about a second; where nothing has changed, the kept answer takes a millisecond.

    Args:
        environment: where the interpreter runs.
        folder: the project's folder, absolute.
        captured: what the probe found in ``environment``.
        cache: the file of the kept answers; a damaged one is as good as none.
        loaded: the libraries that a job had loaded in ``environment``.

    Raises:
        MissingToolError: pyelftools is not installed beside envsnap, or the interpreter is gone.
    """
    paths = _absolute(loaded, captured)
    kept = CacheFile(cache, dict[str, NeededLibraries], CACHE_VERSION)
    answers, key = kept.load() or {}, _key(captured, paths)
    needed = answers.get(key)
    if needed is None:
        asked = _ask(environment, folder, paths)
        if isinstance(asked, UncapturedFact):
            return CapturedSystem(system=None, findings=(), not_captured=(asked,))
        needed = asked
        if needed.settled:
            kept.save(dict([*answers.items(), (key, needed)][-KEPT_ANSWERS:]))
    return _describe(needed, captured)


def _absolute(loaded: Iterable[LoadedLibrary], captured: CapturedEnvironment) -> tuple[str, ...]:
    """Spell out the placeholders of the observer: a system's own Python has its base where the libraries lie."""
    places = captured.folders
    spelt = []
    for library in loaded:
        start, slash, rest = library.path.partition("/")
        spelt.append(f"{places[start]}/{rest}" if slash and start in places else library.path)
    return tuple(sorted({path for path in spelt if path.startswith("/")}))


def _key(captured: CapturedEnvironment, paths: Sequence[str]) -> str:
    """Digest everything that the answer depends on: what is installed, the state of the system, what was loaded."""
    packages = sorted(
        (package.name, package.version, package.root, package.record.content_digest) for package in captured.packages
    )
    state = (captured.system_state, captured.interpreter, str(captured.executable), str(captured.prefix))
    conda = [(record.name, record.version, record.build, record.sha256) for record in captured.conda]
    return sha256_bytes(msgspec.json.encode((state, captured.platform, packages, conda, paths)))


def _ask(environment: Environment, folder: Path, paths: Sequence[str]) -> NeededLibraries | UncapturedFact:
    script = Script("libraries.py", TIMEOUT_SECONDS, (elftools_folder(), *paths))
    try:
        return ask(environment, folder, script, NeededLibraries)
    except CaptureError as error:
        return UncapturedFact(what="system packages", reason=str(error))


def _describe(needed: NeededLibraries, captured: CapturedEnvironment) -> CapturedSystem:
    return CapturedSystem(
        system=System(packages=needed.packages, unowned=needed.unowned),
        findings=(*_missing(needed.missing), *_unreadable(needed.unreadable, captured.folders)),
        not_captured=tuple(UncapturedFact(what="system packages", reason=problem) for problem in needed.problems),
    )


def _missing(missing: Sequence[MissingLibrary]) -> tuple[Finding, ...]:
    found = [
        Finding(
            kind="missing-library",
            subject=library.soname,
            detail=f"{_list(library)} and found nowhere: that part cannot be loaded, if the job uses it",
        )
        for library in missing
    ]
    return capped(found, MOST_FINDINGS, "libraries are needed and found nowhere")


def _list(library: MissingLibrary) -> str:
    others = library.count - len(library.needers)
    more = f" and {others} more" if others > 0 else ""
    return f"needed by {', '.join(library.needers)}{more}"


def _unreadable(unreadable: Mapping[str, str], places: Mapping[str, Path]) -> tuple[Finding, ...]:
    found = [
        Finding(kind="unreadable", subject=_shorten(path, places), detail=f"named as a library, but {reason}")
        for path, reason in unreadable.items()
    ]
    return capped(found, MOST_FINDINGS, "files are named as libraries and are none")


def _shorten(path: str, places: Mapping[str, Path]) -> str:
    for name, folder in places.items():
        if Path(path).is_relative_to(folder):
            return str(Path(name) / Path(path).relative_to(folder))
    return path
