"""What the observer saw inside the job's processes: settings in force at exit, libraries really loaded."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

NUMERICS_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "BLIS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "FLASH_ATTENTION_DETERMINISTIC",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "NCCL_ALGO",
    "NCCL_MAX_NCHANNELS",
    "NCCL_MIN_NCHANNELS",
    "NCCL_NVLS_ENABLE",
    "NCCL_PROTO",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "NVTE_ALLOW_NONDETERMINISTIC_ALGO",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TORCHINDUCTOR_DETERMINISTIC",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "VECLIB_MAXIMUM_THREADS",
    "XLA_FLAGS",
)
"""The environment variables that move numbers; the observer records those that are set. It keeps its own copy
of this list, because it imports nothing of envsnap; a test holds the two equal."""

Family = Literal["accelerator", "blas", "framework", "openmp", "runtime"]
Size = Annotated[int, msgspec.Meta(ge=0)]


class LoadedLibrary(Model, frozen=True):
    """A shared library that a process had mapped when it ended.

    Args:
        name: file name, for example ``libcudnn.so.9``.
        family: what it does for the numbers.
        path: where it lies; ``{prefix}`` and ``{base}`` stand for the environment's and its base's folder.
        version: as the library or its file name says; "" if neither does.
        size: in bytes.
        sha256: of the whole file; "" for the framework's own and for files of more than 256 MiB.
    """

    name: str
    family: Family
    path: str
    version: str = ""
    size: Size = 0
    sha256: str = ""


class ThreadPool(Model, frozen=True):
    """One pool of native threads, as threadpoolctl reports it.

    Args:
        api: ``blas`` or ``openmp``.
        implementation: for example ``openblas``, ``mkl`` or ``openmp``.
        version: empty where it does not say.
        num_threads: its size; absent where it does not say.
        architecture: the processor whose kernels it chose.
        threading_layer: for example ``pthreads``.
        path: the library; ``{prefix}`` and ``{base}`` stand for the environment's and its base's folder.
    """

    api: str
    implementation: str
    version: str = ""
    num_threads: int | None = None
    architecture: str = ""
    threading_layer: str = ""
    path: str = ""


class NumpySettings(Model, frozen=True):
    """What chooses numpy's kernels.

    Args:
        version: of numpy.
        cpu_baseline: CPU features that it was built on.
        cpu_found: further ones that it found and uses.
    """

    version: str
    cpu_baseline: tuple[str, ...] = ()
    cpu_found: tuple[str, ...] = ()


class TorchSettings(Model, frozen=True):
    """torch's settings in force at exit; absent where this torch does not say.

    Args:
        version: of torch.
        cuda_version: the CUDA that it was compiled for.
        cudnn_version: as cuDNN itself says.
        deterministic_algorithms: ``torch.are_deterministic_algorithms_enabled()``.
        deterministic_warn_only: whether a non-deterministic one only warns.
        cudnn_deterministic: ``torch.backends.cudnn.deterministic``.
        cudnn_benchmark: ``torch.backends.cudnn.benchmark``: the fastest kernel is chosen by trial.
        cudnn_allow_tf32: whether convolutions may use TensorFloat-32.
        matmul_allow_tf32: whether matrix products may.
        float32_matmul_precision: ``torch.get_float32_matmul_precision()``.
        num_threads: ``torch.get_num_threads()``.
        cpu_capability: the vector extension whose kernels it chose.
        devices: the GPUs in use; empty unless the job itself initialised CUDA.
    """

    version: str
    cuda_version: str | None = None
    cudnn_version: int | None = None
    deterministic_algorithms: bool | None = None
    deterministic_warn_only: bool | None = None
    cudnn_deterministic: bool | None = None
    cudnn_benchmark: bool | None = None
    cudnn_allow_tf32: bool | None = None
    matmul_allow_tf32: bool | None = None
    float32_matmul_precision: str | None = None
    num_threads: int | None = None
    cpu_capability: str | None = None
    devices: tuple[str, ...] = ()


class Observation(Model, frozen=True):
    """One process at its end, or a whole run: settings of its main process, libraries of all of them.

    Args:
        python: version of the interpreter.
        prefix: ``sys.prefix``: which environment really ran. It is never written into a lock.
        program: ``sys.argv[0]``, relative to the working folder where it lies within.
        modules: how many modules were imported.
        seed: the seed that was injected, or None.
        hash_seed: PYTHONHASHSEED as it was when the interpreter started; "" if it was not set.
        variables: those of :data:`NUMERICS_VARIABLES` that were set at exit.
        frameworks: versions of the numerical packages that were imported.
        errors: what could not be observed, and why.
        processes: how many processes the observation speaks for.
    """

    python: str
    prefix: str = ""
    program: str = ""
    modules: Size = 0
    seed: int | None = None
    hash_seed: str = ""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    frameworks: dict[str, str] = msgspec.field(default_factory=dict)
    numpy: NumpySettings | None = None
    torch: TorchSettings | None = None
    thread_pools: tuple[ThreadPool, ...] = ()
    libraries: tuple[LoadedLibrary, ...] = ()
    errors: tuple[str, ...] = ()
    processes: Size = 1
