"""What moves numbers beside code, data and packages, and what the job had loaded."""

from envsnap.manifest.model import Model
from envsnap.manifest.observation import (
    ChangedSetting,
    ImportedFile,
    JaxSettings,
    LoadedLibrary,
    NumpySettings,
    SeedCall,
    Size,
    TensorflowSettings,
    ThreadPool,
    TorchSettings,
)


class Numerics(Model, frozen=True):
    """What moves numbers beside code, data and packages.

    Args:
        threads: size of the thread pools that the job was given.
        env: environment variables that move numbers, as set inside the job.
        pools: pools of native threads.
        libraries: libraries that the job loaded and that move numbers: BLAS, OpenMP, C runtime, frameworks.
        numpy: absent where the job did not import numpy; so for the other frameworks.
        torch: its settings when the job ended.
        tensorflow: its settings when the job ended.
        jax: its settings when the job ended.
        changed: settings that the job itself changed, as they stood before.
        seeds: seeds that the job gave, at most 20 in order of place; envsnap's own stands in the job.
    """

    threads: int
    env: dict[str, str] = {}
    pools: tuple[ThreadPool, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    numpy: NumpySettings | None = None
    torch: TorchSettings | None = None
    tensorflow: TensorflowSettings | None = None
    jax: JaxSettings | None = None
    changed: tuple[ChangedSetting, ...] = ()
    seeds: tuple[SeedCall, ...] = ()


class LoadedCode(Model, frozen=True):
    """What the job had really loaded when it ended; libraries that move numbers stand under numerics and accelerator.

    Args:
        distributions: ``name==version`` of each that an imported module or a mapped library belongs to.
        foreign_modules: imported modules of no distribution, neither the standard library's nor the project's, with
            their folder.
        libraries: the other libraries that were mapped.
        sources: the job's own source files that it imported, where no version control tells its code.
        extension_modules: how many extension modules of Python were mapped; their distributions stand above.
        processes: how many processes reported.
    """

    distributions: tuple[str, ...] = ()
    foreign_modules: tuple[str, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    sources: tuple[ImportedFile, ...] = ()
    extension_modules: Size = 0
    processes: Size = 0
