"""What moves numbers beside code, data and packages."""

from envsnap.manifest.model import Model
from envsnap.manifest.observation import LoadedLibrary, NumpySettings, ThreadPool, TorchSettings


class Numerics(Model, frozen=True):
    """What moves numbers beside code, data and packages.

    Args:
        threads: size of the thread pools that the job was given.
        env: environment variables that move numbers, as set inside the job.
        pools: pools of native threads.
        libraries: other libraries that the job loaded: BLAS, OpenMP, C runtime, frameworks.
        numpy: absent where the job did not import numpy.
        torch: absent where the job did not import torch.
    """

    threads: int
    env: dict[str, str] = {}
    pools: tuple[ThreadPool, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    numpy: NumpySettings | None = None
    torch: TorchSettings | None = None
