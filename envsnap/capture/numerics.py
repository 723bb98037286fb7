"""What moves numbers beside code, data and packages: thread pools, variables, framework settings."""

from collections.abc import Mapping

from envsnap.inside.observer._envsnap.variables import NUMERICS_VARIABLES
from envsnap.manifest.numerics import LoadedCode, Numerics
from envsnap.manifest.observation import Observation, in_folder

MOST_SEEDS = 20
"""A job that seeds anew for each step is told by its first seeds."""


def numerics_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Pick the variables that move numbers out of an environment."""
    return {name: env[name] for name in NUMERICS_VARIABLES if name in env}


def capture_numerics(threads: int, variables: Mapping[str, str], observation: Observation | None) -> Numerics:
    """Describe what was in force: as the job's process had it at its end where it ran, else as the caller has it."""
    if observation is None:
        return Numerics(threads=threads, env=dict(sorted(variables.items())))
    return Numerics(
        threads=threads,
        env=dict(sorted(observation.variables.items())),
        pools=observation.thread_pools,
        libraries=tuple(library for library in observation.libraries if library.family not in {"accelerator", "other"}),
        numpy=observation.numpy,
        torch=observation.torch,
        tensorflow=observation.tensorflow,
        jax=observation.jax,
        changed=observation.changed,
        seeds=observation.seeds[:MOST_SEEDS],
    )


def capture_loaded(observation: Observation | None, *, is_versioned: bool) -> LoadedCode | None:
    """Describe what the job had loaded beside what moves numbers; None where nothing was observed.

    Where its code ``is_versioned`` the commit tells the source files; else they are named here.
    """
    if observation is None:
        return None
    return LoadedCode(
        distributions=observation.distributions,
        foreign_modules=observation.foreign_modules,
        libraries=tuple(library for library in observation.libraries if library.family == "other"),
        sources=() if is_versioned else tuple(file for file in observation.sources if in_folder(file.path)),
        extension_modules=observation.extension_modules,
        processes=observation.processes,
    )
