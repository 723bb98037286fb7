"""The CUDA, cuDNN, cuBLAS and NCCL libraries on this machine, beside those that the job really loaded."""

from collections.abc import Iterable

from envsnap.manifest.accelerator import AcceleratorLibrary, Origin
from envsnap.manifest.model import Model
from envsnap.manifest.observation import LoadedLibrary


class ProbedLibrary(Model, frozen=True):
    """A library of the probe's section ``accelerator``; ``path`` has placeholders, as the observer's have."""

    name: str
    version: str
    origin: Origin
    path: str
    size: int
    sha256: str
    packages: tuple[str, ...]
    parts: int


def merge_libraries(found: Iterable[ProbedLibrary], loaded: Iterable[LoadedLibrary]) -> tuple[AcceleratorLibrary, ...]:
    """Tell of each library whether the job loaded it; what it loaded from elsewhere follows, by path.

    Args:
        found: in search order.
        loaded: what the observer saw; only its accelerator libraries count.
    """
    in_use = {library.path: library for library in loaded if library.family == "accelerator"}
    searched = [_found(library, in_use.pop(library.path, None)) for library in found]
    return (*searched, *(_elsewhere(in_use[path]) for path in sorted(in_use)))


def _found(library: ProbedLibrary, loaded: LoadedLibrary | None) -> AcceleratorLibrary:
    return AcceleratorLibrary(
        name=library.name,
        version=_version(library.version, loaded.version if loaded else ""),
        origin=library.origin,
        path=library.path,
        sha256=(loaded.sha256 if loaded else "") or library.sha256,
        size=(loaded.size if loaded else 0) or library.size,
        loaded=loaded is not None,
        packages=library.packages,
        parts=library.parts,
    )


def _elsewhere(loaded: LoadedLibrary) -> AcceleratorLibrary:
    return AcceleratorLibrary(
        name=loaded.name,
        version=loaded.version,
        origin=_guess_origin(loaded.path),
        path=loaded.path,
        sha256=loaded.sha256,
        size=loaded.size,
        loaded=True,
    )


def _version(found: str, loaded: str) -> str:
    """Choose the library's own word, or its wheel's where that says the same more exactly (9.1.0.70 for 9.1.0)."""
    return found if not loaded or f"{found}.".startswith(f"{loaded}.") else loaded


def _guess_origin(path: str) -> Origin:
    if "site-packages" in path or "dist-packages" in path:
        return "wheel"
    return "other" if path.startswith("{") else "system"
