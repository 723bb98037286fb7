"""The CUDA, cuDNN, cuBLAS and NCCL libraries on this machine, beside those that the job really loaded."""

from collections.abc import Iterable

from msgspec.structs import replace

from envsnap.manifest.accelerator import AcceleratorLibrary, Origin
from envsnap.manifest.observation import LoadedLibrary


def merge_libraries(
    found: Iterable[AcceleratorLibrary], loaded: Iterable[LoadedLibrary]
) -> tuple[AcceleratorLibrary, ...]:
    """Tell of each library whether the job loaded it; what it loaded from elsewhere follows, by path.

    Args:
        found: by the probe, in search order, as if none were loaded.
        loaded: what the observer saw; only its accelerator libraries count.
    """
    in_use = {library.path: library for library in loaded if library.family == "accelerator"}
    searched = [_as_loaded(library, in_use.pop(library.path, None)) for library in found]
    return (*searched, *(_elsewhere(in_use[path]) for path in sorted(in_use)))


def _as_loaded(library: AcceleratorLibrary, loaded: LoadedLibrary | None) -> AcceleratorLibrary:
    if loaded is None:
        return replace(library, loaded=False)
    return replace(
        library,
        version=_version(library.version, loaded.version),
        sha256=loaded.sha256 or library.sha256,
        size=loaded.size or library.size,
        loaded=True,
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
