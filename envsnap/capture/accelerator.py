"""CUDA as this machine, its toolkit and the frameworks have it: versions that can disagree."""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from envsnap.capture.hardware import NvmlFacts
from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary, FrameworkBuild, Origin
from envsnap.manifest.installed import InstalledPackage
from envsnap.manifest.observation import LoadedLibrary

TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "tf-nightly", "tf-nightly-cpu")
CUPY = re.compile(r"cupy-(?:cuda(?P<cuda>\d+)x?|rocm-(?P<rocm>\d+-\d+))")
JAX_PLUGIN = re.compile(r"jax-(?P<kind>cuda|rocm)(?P<number>\d+)-plugin")
JAXLIB_LABEL = re.compile(r"\+cuda(?P<cuda>\d+)(?:\.cudnn(?P<cudnn>\d+))?")


def describe_accelerator(
    nvml: NvmlFacts, probed: Accelerator, packages: Iterable[InstalledPackage], loaded: Iterable[LoadedLibrary]
) -> Accelerator:
    """Put together the CUDA versions and the accelerator libraries, loaded ones and others.

    Args:
        nvml: of this machine.
        probed: of the environment: nvcc's release, the frameworks' files, libraries in search order.
        packages: the environment's: some frameworks name their CUDA in a distribution's name only.
        loaded: the libraries that the observer saw; none where no job was run.
    """
    frameworks = describe_frameworks(probed.frameworks, packages)
    return replace(
        probed,
        driver=nvml.driver,
        driver_cuda=nvml.driver_cuda,
        framework_cuda=next((build.cuda for build in frameworks if build.name == "torch"), ""),
        frameworks=frameworks,
        libraries=merge_libraries(probed.libraries, loaded),
    )


def describe_frameworks(
    probed: Iterable[FrameworkBuild], packages: Iterable[InstalledPackage]
) -> tuple[FrameworkBuild, ...]:
    """Add to what the frameworks' files say what only the names and versions of their distributions do."""
    versions = {package.name: package.version for package in packages}
    tensorflow = next((versions[name] for name in TENSORFLOW if name in versions), "")
    told = [
        replace(build, version=build.version or (tensorflow if build.name == "tensorflow" else "")) for build in probed
    ]
    named = (*told, *_cupy(versions), *_jax(versions))
    return tuple(sorted(named, key=lambda build: (build.name, build.cuda, build.rocm)))


def _cupy(versions: dict[str, str]) -> Iterator[FrameworkBuild]:
    """Read ``cupy-cuda12x``, ``cupy-cuda112`` (11.2) and ``cupy-rocm-5-0``."""
    for name, version in versions.items():
        match = CUPY.fullmatch(name)
        if match:
            cuda, rocm = _dotted(match["cuda"] or "", 2), (match["rocm"] or "").replace("-", ".")
            yield FrameworkBuild(name="cupy", version=version, cuda=cuda, rocm=rocm)


def _jax(versions: dict[str, str]) -> Iterator[FrameworkBuild]:
    """Read the plugins, ``jax-cuda12-plugin``; before them, jaxlib had a label: ``0.4.13+cuda12.cudnn89`` (8.9)."""
    plugins = [match for match in map(JAX_PLUGIN.fullmatch, versions) if match]
    for match in plugins:
        cuda, rocm = (match["number"], "") if match["kind"] == "cuda" else ("", _dotted(match["number"], 1))
        yield FrameworkBuild(name="jax", version=versions[match.string], cuda=cuda, rocm=rocm)
    if not plugins and "jaxlib" in versions:
        label = JAXLIB_LABEL.search(versions["jaxlib"])
        cuda, cudnn = (_dotted(label["cuda"], 2), ".".join(label["cudnn"] or "")) if label else ("", "")
        yield FrameworkBuild(name="jax", version=versions["jaxlib"], cuda=cuda, cudnn=cudnn)


def _dotted(digits: str, major: int) -> str:
    """Put a dot behind the first ``major`` digits: 112 is 11.2, 60 is 6.0."""
    return ".".join(part for part in (digits[:major], digits[major:]) if part)


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
