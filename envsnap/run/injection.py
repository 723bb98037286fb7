"""The environment variables under which a job runs: seed, thread counts, determinism, and the observer."""

import os
from collections.abc import Mapping
from pathlib import Path

from envsnap.errors import InvalidFileError
from envsnap.inside.observer._envsnap.variables import NUMERICS_VARIABLES
from envsnap.manifest.job import Job

VERSION = 2
"""Of what a run is given. A lock names the one that its baseline was recorded under, and is replayed with that.

1: seed, thread counts, determinism settings, and the numerics variables in force. 2: time zone and locale as well.
"""

ZONE_AND_LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""Since version 2: a day's limits, a name's order and a decimal comma are the same on every machine."""

THREAD_VARIABLES = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Each library reads its own; torch follows OMP_NUM_THREADS."""

DETERMINISM = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "FLASH_ATTENTION_DETERMINISTIC": "1",
    "NVTE_ALLOW_NONDETERMINISTIC_ALGO": "0",
    "TF_DETERMINISTIC_OPS": "1",
    "TORCHINDUCTOR_DETERMINISTIC": "1",
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
}
"""Read by their own library only, so harmless without it. NCCL's algorithm is not pinned: a fixed one fails on
some topologies. cuBLAS: https://docs.nvidia.com/cuda/cublas/#results-reproducibility"""


def check_known(version: int) -> None:
    """Refuse to replay what only a later envsnap knows.

    Raises:
        InvalidFileError: the lock names a version of the injection that is not known here.
    """
    if version > VERSION:
        raise InvalidFileError(
            f"envsnap.lock was recorded with version {version} of what envsnap gives a job, and this envsnap knows "
            f"{VERSION}: update envsnap"
        )


def injected_environment(
    job: Job,
    *,
    observer: Path,
    report_dir: Path,
    threadpoolctl: Path,
    inherited: Mapping[str, str],
    version: int = VERSION,
) -> dict[str, str]:
    """Return the variables to run ``job`` with, sorted by name.

    The later wins: time zone and locale; determinism settings; the numerics variables among ``inherited``, as they were
    set when the results came about; hash seed and thread counts, which the job itself states; variables that the job
    passes through; those that it sets. The observer's own come last, or it would not run.

    Args:
        job: the job.
        observer: folder of the observer.
        report_dir: absolute folder for the observer's reports.
        threadpoolctl: threadpoolctl's file.
        inherited: where numerics variables, PYTHONPATH and passed-through variables are looked up; all else in
            it is left out.
        version: of the injection.
    """
    kept = _select(inherited, NUMERICS_VARIABLES)
    variables = (
        (ZONE_AND_LOCALE if version > 1 else {})
        | (_deterministic(kept) if job.deterministic else kept)
        | {"PYTHONHASHSEED": str(job.seed), "OMP_DYNAMIC": "FALSE", "MKL_DYNAMIC": "FALSE"}
        | dict.fromkeys(THREAD_VARIABLES, str(job.threads))
        | _select(inherited, (*job.pass_env, "PYTHONPATH"))
        | job.env
    )
    path = os.pathsep.join(part for part in (str(observer), variables.get("PYTHONPATH", "")) if part)
    observed = {
        "ENVSNAP_OBSERVE_DIR": str(report_dir),
        "ENVSNAP_SEED": str(job.seed),
        "ENVSNAP_DETERMINISTIC": "1" if job.deterministic else "0",
        "ENVSNAP_THREADPOOLCTL": str(threadpoolctl),
        "PYTHONPATH": path,
    }
    return dict(sorted((variables | observed).items()))


def _deterministic(kept: Mapping[str, str]) -> dict[str, str]:
    """Add the determinism settings; XLA_FLAGS holds many flags, so ours joins those that are there."""
    theirs, ours = kept.get("XLA_FLAGS", ""), DETERMINISM["XLA_FLAGS"]
    flags = theirs if ours.partition("=")[0] in theirs else f"{theirs} {ours}".strip()
    return {**DETERMINISM, **kept, "XLA_FLAGS": flags}


def _select(variables: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: variables[name] for name in names if name in variables}
