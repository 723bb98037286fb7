"""CUDA and its libraries: several versions can disagree, what counts is what the job loaded."""

from typing import Literal

from envsnap.manifest.model import Model

Origin = Literal["wheel", "conda", "ld-library-path", "system", "cuda-home", "other"]


class AcceleratorLibrary(Model, frozen=True):
    """One CUDA, cuDNN, cuBLAS, NCCL, cuSPARSE or TensorRT library.

    Args:
        name: file name, for example ``libcudnn.so.9``.
        version: as the loaded library says, else as its wheel, conda package, header or file name does; empty where
            none does.
        origin: where it was found: a wheel, a conda prefix, LD_LIBRARY_PATH, the loader's cache, CUDA_HOME.
        path: where it lies; ``{prefix}`` and ``{base}`` stand for the environment's and its base's folder.
        sha256: of the whole file: as it was loaded, else as its wheel's RECORD has it; empty where neither tells, and
            for loaded files of more than 256 MiB.
        size: in bytes.
        loaded: whether the job's process had it mapped when it ended.
        packages: wheels whose RECORD names the file, with version; of several, the first one has put it there.
        parts: how many further files of cuDNN lie beside its main library.
    """

    name: str
    version: str
    origin: Origin
    path: str
    sha256: str
    size: int
    loaded: bool
    packages: tuple[str, ...] = ()
    parts: int = 0


class FrameworkBuild(Model, frozen=True):
    """What a framework was compiled for, as its files say. Empty: not for that.

    Args:
        name: for example ``torch``.
        version: as the framework says.
        cuda: the CUDA, as far as it is told: ``12.4``, or only ``12``.
        cudnn: the cuDNN, likewise.
        rocm: the ROCm (HIP), likewise.
    """

    name: str
    version: str = ""
    cuda: str = ""
    cudnn: str = ""
    rocm: str = ""


class Accelerator(Model, frozen=True):
    """The CUDA versions that can disagree, and the libraries: loaded ones and others. Empty: not there.

    Args:
        driver: version of the GPU driver.
        driver_cuda: the newest CUDA that the driver serves.
        toolkit: the CUDA of the ``nvcc`` that was found.
        framework_cuda: the CUDA that torch was compiled for.
        frameworks: what each framework was compiled for, by name.
        libraries: CUDA's libraries in the order in which they are looked for; several can stand side by side,
            ``loaded`` ones count. After them, by path, what the job loaded beside.
    """

    driver: str = ""
    driver_cuda: str = ""
    toolkit: str = ""
    framework_cuda: str = ""
    frameworks: tuple[FrameworkBuild, ...] = ()
    libraries: tuple[AcceleratorLibrary, ...] = ()
