"""CUDA and its libraries: several versions can disagree, what counts is what the job loaded."""

from typing import Literal

from envsnap.manifest.model import Model

Origin = Literal["wheel", "conda", "ld-library-path", "system", "cuda-home", "other"]


class AcceleratorLibrary(Model, frozen=True):
    """One CUDA, cuDNN, cuBLAS or NCCL library.

    Args:
        name: file name, for example ``libcudnn.so.9``.
        version: as the loaded library says, else as its file name does; empty where neither does.
        origin: where it was found: a wheel, a conda prefix, LD_LIBRARY_PATH, the loader's cache, CUDA_HOME.
        path: where it lies; ``{prefix}`` and ``{base}`` stand for the environment's and its base's folder.
        sha256: of the whole file; empty for files of more than 256 MiB.
        size: in bytes.
        loaded: whether the job's process had it mapped when it ended.
    """

    name: str
    version: str
    origin: Origin
    path: str
    sha256: str
    size: int
    loaded: bool


class Accelerator(Model, frozen=True):
    """The CUDA versions that can disagree, and the libraries: loaded ones and others. Empty: not there.

    Args:
        driver: version of the GPU driver.
        driver_cuda: the newest CUDA that the driver serves.
        toolkit: the CUDA of the ``nvcc`` that was found.
        framework_cuda: the CUDA that the framework was compiled for.
        libraries: CUDA, cuDNN, cuBLAS and NCCL libraries; several can stand side by side, ``loaded`` ones count.
    """

    driver: str = ""
    driver_cuda: str = ""
    toolkit: str = ""
    framework_cuda: str = ""
    libraries: tuple[AcceleratorLibrary, ...] = ()
