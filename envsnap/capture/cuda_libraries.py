"""The CUDA, cuDNN, cuBLAS and NCCL libraries on this machine, beside those that the job really loaded."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from envsnap.host.files import sha256_file
from envsnap.host.process import run
from envsnap.manifest.accelerator import AcceleratorLibrary, Origin
from envsnap.manifest.observation import LoadedLibrary

WANTED = re.compile(r"lib(?:cudart|cudnn|cublas|cublasLt|nccl)\.so(?:\.(?P<version>[0-9.]+))?")
HASHED_BYTES = 256 * 1024 * 1024
"""As for the observer: larger files take seconds to read."""
LOADER_LINE = re.compile(r"=> (/\S+)$")


def find_cuda_libraries(roots: Iterable[Path], prefix: Path, env: Mapping[str, str]) -> tuple[tuple[Origin, Path], ...]:
    """List the libraries in the order in which NVIDIA's cuda-pathfinder looks for them, each file once.

    Args:
        roots: import roots, in which wheels put ``nvidia/*/lib`` and ``torch/lib``.
        prefix: the environment's prefix: a conda package puts its libraries into ``lib`` there.
        env: the variables LD_LIBRARY_PATH, CUDA_HOME and CUDA_PATH.
    """
    found: dict[Path, Origin] = {}
    for origin, path in _candidates(roots, prefix, env):
        if WANTED.fullmatch(path.name) and path.is_file():
            found.setdefault(path.resolve(), origin)
    return tuple((origin, path) for path, origin in found.items())


def describe_libraries(
    found: Iterable[tuple[Origin, Path]], loaded: Iterable[LoadedLibrary], places: Mapping[str, Path]
) -> tuple[AcceleratorLibrary, ...]:
    """Merge what was found with what was loaded, in order of path.

    Args:
        found: see :func:`find_cuda_libraries`.
        loaded: the observer's accelerator libraries; their paths hold ``{prefix}`` and ``{base}``.
        places: the folders that ``{prefix}`` and ``{base}`` stand for.
    """
    in_use = {library.path: library for library in loaded}
    origins = {_shorten(path, places): (origin, path) for origin, path in found}
    described = [
        AcceleratorLibrary(
            name=library.name,
            version=library.version,
            origin=origins[path][0] if path in origins else _guess_origin(path),
            path=path,
            sha256=library.sha256,
            size=library.size,
            loaded=True,
        )
        for path, library in in_use.items()
    ]
    described += [_describe(shown, *origins[shown]) for shown in origins if shown not in in_use]
    return tuple(sorted(described, key=lambda library: library.path))


def _candidates(roots: Iterable[Path], prefix: Path, env: Mapping[str, str]) -> Iterator[tuple[Origin, Path]]:
    for root in roots:
        for pattern in ("nvidia/*/lib/lib*.so*", "nvidia/*/*/lib/lib*.so*", "torch/lib/lib*.so*"):
            yield from (("wheel", path) for path in sorted(root.glob(pattern)))
    if (prefix / "conda-meta").is_dir():
        yield from (("conda", path) for path in sorted((prefix / "lib").glob("lib*.so*")))
    for folder in filter(None, env.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        yield from (("ld-library-path", path) for path in sorted(Path(folder).glob("lib*.so*")))
    yield from (("system", path) for path in _loader_cache())
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if env.get(name):
            yield from (("cuda-home", path) for path in sorted(Path(env[name]).glob("lib64/lib*.so*")))


def _loader_cache() -> list[Path]:
    """List what the OS loader's cache holds; ldconfig often stands outside of a user's PATH."""
    ldconfig = next((path for path in ("/sbin/ldconfig", "/usr/sbin/ldconfig") if os.access(path, os.X_OK)), None)
    if ldconfig is None:
        return []
    done = run((ldconfig, "-p"), cwd=Path("/"), env=os.environ, timeout=30)
    matches = map(LOADER_LINE.search, done.stdout.decode("utf-8", "replace").splitlines())
    return [Path(match.group(1)) for match in matches if match]


def _describe(shown: str, origin: Origin, path: Path) -> AcceleratorLibrary:
    size = path.stat().st_size
    match = WANTED.fullmatch(path.name)
    return AcceleratorLibrary(
        name=path.name,
        version=(match.group("version") or "") if match else "",
        origin=origin,
        path=shown,
        sha256=sha256_file(path)[0] if size <= HASHED_BYTES else "",
        size=size,
        loaded=False,
    )


def _shorten(path: Path, places: Mapping[str, Path]) -> str:
    for name, folder in places.items():
        if path.is_relative_to(folder):
            return str(Path(name) / path.relative_to(folder))
    return str(path)


def _guess_origin(path: str) -> Origin:
    if "site-packages" in path or "dist-packages" in path:
        return "wheel"
    return "other" if path.startswith("{") else "system"
