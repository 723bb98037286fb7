"""What the observer saw inside the job's processes: settings in force at exit, libraries really loaded."""

from typing import Annotated, Literal

import msgspec

from envsnap.manifest.model import Model

Family = Literal["accelerator", "blas", "framework", "openmp", "other", "runtime"]
Size = Annotated[int, msgspec.Meta(ge=0)]


class LoadedLibrary(Model, frozen=True):
    """A shared library that a process had mapped when it ended.

    Args:
        name: file name, for example ``libcudnn.so.9``.
        family: what it does for the numbers.
        path: where it lies; ``{prefix}`` and ``{base}`` stand for the environment's and its base's folder.
        version: as the library or its file name says; "" if neither does.
        size: in bytes.
        sha256: of the whole file; where a wheel brought it, as its RECORD says. "" for the framework's own outside of
            a wheel, and where a process would have had to read more than 256 MiB.
        owner: ``name==version`` of the distribution whose RECORD names it; "" outside of wheels.
    """

    name: str
    family: Family
    path: str
    version: str = ""
    size: Size = 0
    sha256: str = ""
    owner: str = ""


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
        cudnn_conv_fp32_precision: ``ieee``, ``tf32`` or ``none`` (as the general one); torch 2.9 and newer, as are all
            settings named so.
        cudnn_enabled: whether cuDNN is used at all.
        cudnn_rnn_fp32_precision: of recurrent layers.
        cudnn_sdp: whether attention may use cuDNN's kernel.
        default_dtype: of new tensors.
        fill_uninitialized_memory: whether deterministic mode fills what ``torch.empty`` gives.
        flash_sdp: whether attention may use the FlashAttention kernel.
        fp32_precision: the general setting.
        interop_threads: ``torch.get_num_interop_threads()``.
        math_sdp: whether attention may use the plain kernel.
        matmul_bf16_reduction: whether sums in products of bfloat16 may be kept in bfloat16.
        matmul_fp16_accumulation: whether products of float16 may accumulate in float16.
        matmul_fp16_reduction: whether sums in products of float16 may be kept in float16.
        matmul_fp32_precision: of matrix products on CUDA.
        mem_efficient_sdp: whether attention may use the memory-efficient kernel.
        mkldnn_conv_fp32_precision: of oneDNN's convolutions on the CPU.
        mkldnn_deterministic: whether oneDNN is held to deterministic kernels.
        mkldnn_enabled: whether oneDNN is used.
        mkldnn_matmul_fp32_precision: of oneDNN's matrix products on the CPU.
        opt_einsum: whether einsum chooses its order of contraction by opt_einsum.
        opt_einsum_strategy: how it chooses.
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
    cudnn_conv_fp32_precision: str | None = None
    cudnn_enabled: bool | None = None
    cudnn_rnn_fp32_precision: str | None = None
    cudnn_sdp: bool | None = None
    default_dtype: str | None = None
    fill_uninitialized_memory: bool | None = None
    flash_sdp: bool | None = None
    fp32_precision: str | None = None
    interop_threads: int | None = None
    math_sdp: bool | None = None
    matmul_bf16_reduction: bool | None = None
    matmul_fp16_accumulation: bool | None = None
    matmul_fp16_reduction: bool | None = None
    matmul_fp32_precision: str | None = None
    mem_efficient_sdp: bool | None = None
    mkldnn_conv_fp32_precision: str | None = None
    mkldnn_deterministic: bool | None = None
    mkldnn_enabled: bool | None = None
    mkldnn_matmul_fp32_precision: str | None = None
    opt_einsum: bool | None = None
    opt_einsum_strategy: str | None = None


class TensorflowSettings(Model, frozen=True):
    """TensorFlow's settings in force at exit; absent where this TensorFlow does not say.

    Args:
        version: of TensorFlow.
        inter_op_threads: how many operations run side by side; 0: TensorFlow chooses.
        intra_op_threads: how many threads one operation takes; 0: TensorFlow chooses.
        jit: what is compiled by XLA: "", ``autoclustering`` or a boolean as text.
        mixed_precision: Keras' global policy, where Keras was imported.
        op_determinism: whether operations are held to deterministic kernels.
        tensor_float_32: whether products and convolutions may use TensorFloat-32.
    """

    version: str
    inter_op_threads: int | None = None
    intra_op_threads: int | None = None
    jit: str | bool | None = None
    mixed_precision: str | None = None
    op_determinism: bool | None = None
    tensor_float_32: bool | None = None


class JaxSettings(Model, frozen=True):
    """JAX's settings in force at exit; absent where this JAX does not say.

    Args:
        version: of JAX.
        backend: ``cpu``, ``gpu`` or ``tpu``; absent unless the job itself initialised one.
        default_matmul_precision: of matrix products and convolutions; absent: the backend's own.
        default_prng_impl: the algorithm of random keys.
        devices: kinds of the devices in use.
        disable_jit: whether functions run uncompiled.
        enable_x64: whether 64-bit types are kept.
        numpy_dtype_promotion: ``standard`` or ``strict``.
        platforms: the backends that may be chosen.
        threefry_partitionable: which of two number streams a key gives.
    """

    version: str
    backend: str | None = None
    default_matmul_precision: str | None = None
    default_prng_impl: str | None = None
    devices: tuple[str, ...] = ()
    disable_jit: bool | None = None
    enable_x64: bool | None = None
    numpy_dtype_promotion: str | None = None
    platforms: str | None = None
    threefry_partitionable: bool | None = None


class ChangedSetting(Model, frozen=True, order=True):
    """A setting that the job changed: what was in force at exit is not what the job's first line met.

    Args:
        framework: ``torch``, ``tensorflow`` or ``jax``; ``variable`` for an environment variable.
        setting: its name, as in the framework's table.
        at_start: after the framework's import and what envsnap injects; "" for a variable that was not set.
        at_exit: when the process ended.
    """

    framework: str
    setting: str
    at_start: str
    at_exit: str


class SeedCall(Model, frozen=True):
    """A seed that the job gave.

    Args:
        call: the function or type, for example ``torch.manual_seed``; numpy's generators and bit generators all take
            their seed as ``numpy.random.SeedSequence``.
        place: ``file:line`` in the job's own files.
        seed: absent where it is no integer below 2**63.
    """

    call: str
    place: str
    seed: int | None = None


class UnseededGenerator(Model, frozen=True, order=True):
    """A random generator that the job made without a seed.

    Args:
        place: ``file:line`` in the job's own files.
        call: what made it.
    """

    place: str
    call: str


class OpenedFile(Model, frozen=True, order=True):
    """A data file that a process opened for reading, and that was there before the job began.

    Args:
        path: relative to the job's folder where it lies within; ``~`` stands for the user's folder.
        real: the same with links followed.
        size: in bytes, when it was opened.
    """

    path: str
    real: str = ""
    size: Size = 0


class ImportedFile(Model, frozen=True, order=True):
    """A source file of the job's own that a process imported or was started with.

    Args:
        path: relative to the job's folder; it may lead out of it.
        module: as which it was imported.
        sha256: of the file; "" for one that was gone at the end, or is longer than 1 MiB.
    """

    path: str
    module: str = ""
    sha256: str = ""


def in_folder(path: str) -> bool:
    """Whether a path, as an observer tells it, lies in the job's folder."""
    return not (path == ".." or path.startswith(("/", "~", "../")))


class Observation(Model, frozen=True):
    """One process at its end, or a whole run: settings of its main process, libraries of all of them.

    Args:
        python: version of the interpreter.
        prefix: ``sys.prefix``: which environment really ran. It is never written into a lock.
        program: ``sys.argv[0]``, relative to the working folder where it lies within.
        modules: how many modules were imported.
        seed: the seed that was injected, or None.
        hash_seed: PYTHONHASHSEED as it was when the interpreter started; "" if it was not set.
        variables: those that move numbers and were set at exit.
        frameworks: versions of the numerical packages that were imported.
        numpy: absent where numpy was not imported; so for the other frameworks.
        thread_pools: of the native libraries.
        libraries: every library that was mapped, but for Python's extension modules.
        errors: what could not be observed, and why.
        processes: how many processes the observation speaks for.
        changed: settings that the job itself changed.
        distributions: ``name==version`` of each that an imported module or a mapped library belongs to.
        foreign_modules: imported modules of no distribution, neither the standard library's nor the job's own.
        sources: source files that belong to no package; the first 2,000 of each process.
        extension_modules: how many extension modules of Python were mapped.
        seeds: seeds that the job gave; the first 20 of each process.
        unseeded: generators that the job made without a seed; the first 50 of each process.
        opened: data files that were read; the first 2,000 of each process.
        reached: files of the baseline or of former runs that were asked for. They are never written into a lock.
        rank: of a process of a distributed job, among ``ranks`` of them; absent for every other process.
        ranks: how many there are; 0 where it does not say.
        disagreements: in what the ranks were not alike, in sentences; of a whole run.
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
    tensorflow: TensorflowSettings | None = None
    jax: JaxSettings | None = None
    changed: tuple[ChangedSetting, ...] = ()
    distributions: tuple[str, ...] = ()
    foreign_modules: tuple[str, ...] = ()
    sources: tuple[ImportedFile, ...] = ()
    extension_modules: Size = 0
    seeds: tuple[SeedCall, ...] = ()
    unseeded: tuple[UnseededGenerator, ...] = ()
    opened: tuple[OpenedFile, ...] = ()
    reached: tuple[str, ...] = ()
    rank: Size | None = None
    ranks: Size = 0
    disagreements: tuple[str, ...] = ()


class ReachedFile(Model, frozen=True):
    """A file of the baseline, or of a former run, that a process asked for; it need not be there."""

    path: str


class JournalEntry(Model, frozen=True):
    """One line of a process's journal: one of these happened."""

    seed: SeedCall | None = None
    unseeded: UnseededGenerator | None = None
    opened: OpenedFile | None = None
    reached: ReachedFile | None = None
