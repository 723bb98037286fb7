"""The one table that says, for every fact of a manifest, what it belongs to and whether it can move numbers."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Group = Literal[
    "code", "data", "job", "framework", "accelerator", "gpu", "threads", "cpu", "flags", "interpreter", "packages",
    "system", "findings", "other", "results", "record",
]  # fmt: skip
FactPath = tuple[str, ...]
"""Where a fact stands: the keys of the tables from the top, an item of a list by what names it."""

TITLES: Mapping[Group, str] = {
    "code": "code",
    "data": "data",
    "job": "job",
    "framework": "frameworks",
    "accelerator": "accelerator",
    "gpu": "GPU",
    "threads": "BLAS and threads",
    "cpu": "CPU",
    "flags": "variables and settings",
    "interpreter": "interpreter",
    "packages": "other packages",
    "system": "system libraries",
    "findings": "findings",
    "other": "other",
    "results": "results of the runs",
    "record": "how it was recorded",
}
"""Every group as people read it; those that move numbers most come first."""

SETS: Mapping[str, tuple[str, ...]] = {
    "frameworks": (
        "cupy*", "deepspeed", "flash-attn", "flax", "jax", "jax-*", "jaxlib", "keras", "lightgbm", "lightning",
        "llvmlite", "numba", "numexpr", "numpy", "onnxruntime*", "optax", "pytorch*", "scikit-*", "scipy",
        "sentence-transformers", "statsmodels", "tensorflow*", "timm", "torch*", "transformer-engine*", "transformers",
        "triton", "vllm", "xformers", "xgboost*",
    ),
    "cuda": ("cuda-*", "cudatoolkit", "cudnn", "libcu*", "libnccl*", "libnv*", "nccl", "nvidia-*", "tensorrt*"),
    "blas": (
        "*blis*", "intel-openmp", "libblas", "libcblas", "libgomp*", "liblapack*", "libopenblas*", "llvm-openmp",
        "mkl*", "onemkl*", "openblas*", "scipy-openblas*", "tbb*", "_openmp_mutex",
    ),
    "runtime": ("libc6", "libgcc*", "libstdc*", "glibc*", "musl", "sysroot*"),
    "thread-variables": ("*_NUM_THREADS", "*_DYNAMIC", "*_MAXIMUM_THREADS", "TF_NUM_*", "KMP_*", "GOMP_*", "OMP_*"),
}  # fmt: skip
"""Names that rules ask for as ``<set>``: packages by what they do for the numbers, variables likewise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern`` names facts: ``*`` and ``<set>`` match one key, ``**`` at the end all that is left."""

    pattern: str
    group: Group
    moves: bool = True


RULES = (
    # What the runs gave is a result and no cause; how the container is built again is neither.
    Rule("baseline.outputs.**", "results", moves=False),
    Rule("baseline.**", "record", moves=False),
    Rule("profiles.*.baseline.outputs.**", "results", moves=False),
    Rule("profiles.*.baseline.**", "record", moves=False),
    Rule("profiles.*.data.**", "data"),
    Rule("profiles.*.job.outputs.**", "job", moves=False),
    Rule("profiles.*.job.runs", "job", moves=False),
    Rule("profiles.*.job.timeout-seconds", "job", moves=False),
    Rule("profiles.*.job.**", "job"),
    Rule("profiles.*.numerics.**", "flags"),
    Rule("profiles.*.findings.**", "findings"),
    # One that only one side has says nothing of the job itself.
    Rule("profiles.**", "job", moves=False),
    Rule("build.**", "record", moves=False),
    Rule("code.branch", "code", moves=False),
    Rule("code.remote*", "code", moves=False),
    Rule("code.vcs", "code", moves=False),
    Rule("code.kept-patch", "code", moves=False),
    Rule("code.**", "code"),
    Rule("data.**", "data"),
    # How often, how long and how strictly the job is checked does not reach into it.
    Rule("job.outputs.**", "job", moves=False),
    Rule("job.runs", "job", moves=False),
    Rule("job.shm-bytes", "job", moves=False),
    Rule("job.memory-bytes", "job", moves=False),
    Rule("job.processes", "job", moves=False),
    Rule("job.timeout-seconds", "job", moves=False),
    Rule("job.env.<thread-variables>", "threads"),
    Rule("job.env.*", "flags"),
    Rule("job.threads", "threads"),
    Rule("job.**", "job"),
    Rule("numerics.threads", "threads"),
    Rule("numerics.pools.*.path", "record", moves=False),
    Rule("numerics.pools.**", "threads"),
    Rule("numerics.env.<thread-variables>", "threads"),
    Rule("numerics.libraries.*.*.name", "record", moves=False),
    Rule("numerics.libraries.*.*.owner", "record", moves=False),
    Rule("numerics.libraries.*.*.path", "record", moves=False),
    Rule("numerics.libraries.*.*.size", "record", moves=False),
    Rule("numerics.libraries.accelerator.**", "accelerator"),
    Rule("numerics.libraries.framework.**", "framework"),
    Rule("numerics.libraries.runtime.**", "system"),
    Rule("numerics.libraries.**", "threads"),
    Rule("numerics.numpy.cpu-*", "cpu"),
    Rule("numerics.torch.cpu-capability", "cpu"),
    Rule("numerics.torch.cuda-version", "accelerator"),
    Rule("numerics.torch.cudnn-version", "accelerator"),
    Rule("numerics.*.devices", "gpu"),
    Rule("numerics.*.*-threads", "threads"),
    Rule("numerics.seeds.**", "job"),
    Rule("numerics.*.version", "framework"),
    Rule("numerics.**", "flags"),
    # What was imported follows from code and packages; a module of no package stands in neither.
    Rule("loaded.foreign-modules", "code"),
    Rule("loaded.libraries.*.*.owner", "record", moves=False),
    Rule("loaded.libraries.*.*.path", "record", moves=False),
    Rule("loaded.libraries.*.*.size", "record", moves=False),
    Rule("loaded.libraries.**", "system"),
    Rule("loaded.**", "record", moves=False),
    # A capacity, a limit or a clock changes how fast a kernel runs; a GPU's memory also decides which one is chosen.
    Rule("hardware.cpu.numa-nodes", "cpu", moves=False),
    Rule("hardware.cpu.quota", "cpu", moves=False),
    Rule("hardware.memory*", "cpu", moves=False),
    Rule("hardware.limits.**", "cpu", moves=False),
    Rule("hardware.gpus.*.ecc", "gpu", moves=False),
    Rule("hardware.gpus.*.compute-mode", "gpu", moves=False),
    Rule("hardware.gpus.*.power-*", "gpu", moves=False),
    Rule("hardware.gpus.*.*-mhz", "gpu", moves=False),
    Rule("hardware.gpus.*.uuid", "gpu", moves=False),
    Rule("hardware.gpus.**", "gpu"),
    Rule("hardware.**", "cpu"),
    Rule("accelerator.libraries.*.origin", "accelerator", moves=False),
    Rule("accelerator.libraries.*.packages", "accelerator", moves=False),
    Rule("accelerator.libraries.*.parts", "accelerator", moves=False),
    Rule("accelerator.libraries.*.size", "accelerator", moves=False),
    Rule("accelerator.**", "accelerator"),
    Rule("interpreter.build", "interpreter", moves=False),
    Rule("interpreter.provenance", "interpreter", moves=False),
    Rule("interpreter.build-details.**", "interpreter", moves=False),
    Rule("interpreter.environment", "interpreter", moves=False),
    Rule("interpreter.shared-library", "interpreter", moves=False),
    Rule("interpreter.system-site-packages", "interpreter", moves=False),
    Rule("interpreter.**", "interpreter"),
    # libm, and so exp and sin of what calls it, comes with the C library.
    Rule("platform.distribution", "system", moves=False),
    Rule("platform.kernel", "system", moves=False),
    Rule("platform.arch", "cpu"),
    Rule("platform.**", "system"),
    # Where an artefact can be had and how sure that is says nothing about the files: version and content digest do.
    Rule("packages.*.wheels.**", "record", moves=False),
    Rule("packages.*.sdist.**", "record", moves=False),
    Rule("packages.*.directory.**", "record", moves=False),
    Rule("packages.*.index", "record", moves=False),
    Rule("packages.*.vcs.type", "record", moves=False),
    Rule("packages.*.vcs.url", "record", moves=False),
    Rule("packages.*.vcs.requested-revision", "record", moves=False),
    Rule("packages.*.installed.evidence", "record", moves=False),
    Rule("packages.*.installed.installer", "record", moves=False),
    Rule("packages.*.installed.location", "record", moves=False),
    Rule("packages.*.installed.editable", "record", moves=False),
    Rule("packages.*.installed.origin", "record", moves=False),
    Rule("packages.*.installed.owner", "record", moves=False),
    Rule("packages.*.installed.owner-package", "record", moves=False),
    Rule("packages.*.installed.proof", "record", moves=False),
    Rule("packages.*.installed.provenance.**", "record", moves=False),
    Rule("packages.*.installed.sboms.**", "record", moves=False),
    Rule("packages.*.installed.reason", "record", moves=False),
    Rule("packages.*.installed.rebuilt-digest", "record", moves=False),
    Rule("packages.*.installed.requested", "record", moves=False),
    Rule("packages.*.installed.wheel.**", "record", moves=False),
    Rule("packages.*.installed.yanked", "record", moves=False),
    Rule("packages.<frameworks>.**", "framework"),
    Rule("packages.<cuda>.**", "accelerator"),
    Rule("packages.<blas>.**", "threads"),
    Rule("packages.**", "packages"),
    Rule("conda.packages.*.channel", "record", moves=False),
    Rule("conda.packages.*.depends", "record", moves=False),
    Rule("conda.packages.*.md5", "record", moves=False),
    Rule("conda.packages.*.sha256", "record", moves=False),
    Rule("conda.packages.*.size", "record", moves=False),
    Rule("conda.packages.*.subdir", "record", moves=False),
    Rule("conda.packages.*.url", "record", moves=False),
    Rule("conda.packages.<frameworks>.**", "framework"),
    Rule("conda.packages.<cuda>.**", "accelerator"),
    Rule("conda.packages.<blas>.**", "threads"),
    Rule("conda.packages.<runtime>.**", "system"),
    Rule("conda.packages.python.**", "interpreter"),
    Rule("conda.packages.**", "packages"),
    Rule("system.packages.*.libraries", "system", moves=False),
    Rule("system.**", "system"),
    # What it resolves to stands under packages.
    Rule("specification.**", "record", moves=False),
    Rule("findings.lfs-pointer.**", "findings", moves=False),
    Rule("findings.patch-left-out.**", "findings", moves=False),
    Rule("findings.secret-left-out.**", "findings", moves=False),
    Rule("findings.two-indexes.**", "findings", moves=False),
    Rule("findings.yanked-release.**", "findings", moves=False),
    Rule("findings.**", "findings"),
    Rule("not-captured.**", "other"),
)
"""The first rule that fits decides. A fact that none fits stands under ``other`` and counts as one that moves numbers:
a newer envsnap may record what this one has never heard of."""

OBSERVED: Mapping[str, str] = {
    "baseline.**": "results",
    "numerics.pools.**": "thread pools",
    "numerics.libraries.**": "loaded libraries",
    "numerics.numpy.**": "numpy's settings",
    "numerics.torch.**": "torch's settings",
    "numerics.tensorflow.**": "TensorFlow's settings",
    "numerics.jax.**": "JAX's settings",
    "numerics.changed.**": "settings that the job changed",
    "numerics.seeds.**": "seeds that the job gave",
    "loaded.**": "what the job loaded",
    "accelerator.libraries.*.loaded": "which accelerator libraries were loaded",
    "system.**": "system packages",
    "findings.changed-setting.**": "findings from inside the job",
    "findings.nondeterministic-setting.**": "findings from inside the job",
    "findings.tf32.**": "findings from inside the job",
    "findings.undeclared-input.**": "findings from inside the job",
    "findings.unseeded-generator.**": "findings from inside the job",
    "not-captured.observation.**": "findings from inside the job",
}
"""What only a run of the job shows, in words: where one side's job was not run, its silence is no difference."""

OBSERVED_TOO: Mapping[str, str] = {
    "system.packages.*.libraries": "system packages",
    "system.unowned": "system packages",
}
"""What a run adds to: without one it is not empty, and not the same either."""

SOUGHT: Mapping[str, str] = {
    "profiles.**": "profiles",
    "packages.*.wheels.**": "artefacts",
    "packages.*.sdist.**": "artefacts",
    "packages.*.index": "artefacts",
    "packages.*.installed.proof": "artefacts",
    "packages.*.installed.yanked": "artefacts",
    "findings.two-indexes.**": "findings from the indexes",
    "findings.yanked-release.**": "findings from the indexes",
    "packages.*.installed.evidence": "artefacts",
    "packages.*.installed.reason": "artefacts",
    "packages.*.installed.wheel.**": "artefacts",
    "packages.*.installed.rebuilt-digest": "artefacts",
    "packages.*.installed.source-digest": "artefacts",
}
"""What ``freeze`` looks for on indexes and in files, and nobody does for a live environment that is only compared."""


FOLLOWING: frozenset[FactPath] = frozenset({("baseline", "folder"), ("code", "dirty")})
"""Facts that follow from others beside them, and tell a reader nothing."""


def classify(path: FactPath) -> tuple[Group, bool]:
    """Return the group of the fact at ``path``, and whether it can move numbers."""
    for segments, group, moves in _by_table().get(path[0], ()):
        if _fits(segments, path):
            return group, moves
    return "other", True


def find_words(path: FactPath, table: Mapping[str, str]) -> str | None:
    """Return the words of the first pattern in ``table`` that names the fact at ``path``; None where none does."""
    return next((words for pattern, words in table.items() if _fits(_split(pattern), path)), None)


def find_source(path: FactPath) -> FactPath:
    """Return the path of the fact that the one at ``path`` may only repeat, () where there is none."""
    match path:
        case ("numerics", "threads"):
            return "job", "threads"
        case ("numerics", "env", "PYTHONHASHSEED"):
            return "job", "seed"
        case ("numerics", "env", variable) if _matches("<thread-variables>", variable):
            return "job", "threads"
        case ("numerics", framework, "version"):
            return "packages", framework
        case _:
            return ()


@functools.cache
def _by_table() -> Mapping[str, tuple[tuple[FactPath, Group, bool], ...]]:
    rows = [(_split(rule.pattern), rule.group, rule.moves) for rule in RULES]
    return {table: tuple(row for row in rows if row[0][0] == table) for table in {segments[0] for segments, *_ in rows}}


@functools.cache
def _split(pattern: str) -> FactPath:
    return tuple(pattern.split("."))


def _fits(pattern: FactPath, path: FactPath) -> bool:
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        if len(path) < len(pattern):
            return False
    elif len(path) != len(pattern):
        return False
    return all(_matches(wanted, key) for wanted, key in zip(pattern, path, strict=False))


def _matches(wanted: str, key: str) -> bool:
    if wanted.startswith("<"):
        return any(fnmatchcase(key, name) for name in SETS[wanted[1:-1]])
    return wanted in (key, "*") or ("*" in wanted and fnmatchcase(key, wanted))
