"""What looks wrong about the accelerator: a driver that fails or is too old, libraries that shadow each other."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary, FrameworkBuild
from envsnap.manifest.cuda_driver import oldest_driver, parse_driver
from envsnap.manifest.finding import Finding

PLACES = {
    "wheel": "a wheel",
    "conda": "conda",
    "ld-library-path": "LD_LIBRARY_PATH",
    "system": "the system",
    "cuda-home": "CUDA_HOME",
    "other": "elsewhere",
}
CONTENDERS = frozenset({"wheel", "conda", "ld-library-path"})
"""Where a copy can take another's place by being there; one of the system only does where it was loaded."""

LIBRARY = re.compile(r"(lib\w+?)(?:-[0-9a-f]{8})?\.so(?:\.(\d+))?(?:\..*)?")


def accelerator_findings(accelerator: Accelerator, driver_problem: str = "") -> tuple[Finding, ...]:
    """Name what can move numbers or looks wrong, sorted.

    Args:
        accelerator: what was captured.
        driver_problem: what NVML failed in (``NvmlFacts.problem``).
    """
    failed = [Finding(kind="driver", subject="NVML", detail=driver_problem)] if driver_problem else []
    served = (_driver_finding(build, accelerator) for build in accelerator.frameworks)
    too_old = [finding for finding in served if finding is not None]
    return tuple(sorted((*failed, *too_old, *_shadowed(accelerator.libraries), *_replaced(accelerator.libraries))))


def _driver_finding(build: FrameworkBuild, accelerator: Accelerator) -> Finding | None:
    """Compare with the oldest driver that runs the framework's CUDA; what the driver says it serves, it serves."""
    driver, oldest = parse_driver(accelerator.driver), oldest_driver(build.cuda)
    if driver is None or oldest is None or driver >= oldest:
        return None
    if _numbers(accelerator.driver_cuda) >= _numbers(build.cuda):  # by a package of forward compatibility
        return None
    return Finding(
        kind="driver",
        subject=build.name,
        detail=f"{build.name} {build.version} is compiled for CUDA {build.cuda}, which needs driver"
        f" {'.'.join(map(str, oldest))} or newer; this one is {accelerator.driver}"
        f" and serves CUDA {accelerator.driver_cuda or 'of an unknown version'}",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if re.fullmatch(r"\d+(\.\d+)*", version) else ()


def _shadowed(libraries: Sequence[AcceleratorLibrary]) -> Iterator[Finding]:
    """Find copies of one library that are not the same: by name and first number, as the loader tells them apart."""
    groups: dict[str, list[AcceleratorLibrary]] = {}
    for library in libraries:
        match = LIBRARY.fullmatch(library.name)
        if match and (library.loaded or library.origin in CONTENDERS):
            groups.setdefault(f"{match[1]}.so" + (f".{match[2]}" if match[2] else ""), []).append(library)
    for subject, copies in groups.items():
        if any(not _is_same(one, other) for one, other in combinations(copies, 2)):
            yield Finding(kind="shadowed-library", subject=subject, detail=_side_by_side(copies))


def _is_same(one: AcceleratorLibrary, other: AcceleratorLibrary) -> bool:
    """Whether two copies hold the same, as far as it is known."""
    if one.sha256 and other.sha256:
        return one.sha256 == other.sha256
    return one.size == other.size and _agree(one.version, other.version)


def _agree(one: str, other: str) -> bool:
    """Whether one version is the other, or its beginning: 9 and 9.1.0."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _side_by_side(copies: Sequence[AcceleratorLibrary]) -> str:
    loaded = [library for library in copies if library.loaded]
    others = [library for library in copies if not library.loaded]
    if not loaded:
        return f"side by side, in search order: {_list(copies)}; which one a job loads depends on who asks for it"
    passed = " although another one comes first" if copies[0] not in loaded else ""
    beside = f"; beside it: {_list(others)}" if others else ""
    return f"the job loaded {_list(loaded)}{passed}{beside}"


def _replaced(libraries: Sequence[AcceleratorLibrary]) -> Iterator[Finding]:
    """Find files that two wheels claim, and those that say they are another version than their wheel."""
    for library in libraries:
        if len(library.packages) > 1:
            detail = f"{library.path} belongs to {' and to '.join(library.packages)}: one has overwritten the other"
            yield Finding(kind="shadowed-library", subject=library.name, detail=detail)
        elif library.packages and not _agree(library.version, library.packages[0].rpartition(" ")[2]):
            detail = f"{library.path} says that it is {library.version}, its wheel is {library.packages[0]}"
            yield Finding(kind="shadowed-library", subject=library.name, detail=detail)


def _list(libraries: Sequence[AcceleratorLibrary]) -> str:
    return ", ".join(f"{library.path} ({_words(library)})" for library in libraries)


def _words(library: AcceleratorLibrary) -> str:
    place = " and ".join(library.packages) or PLACES[library.origin]
    return f"{library.version or 'no version'}, of {place}"
