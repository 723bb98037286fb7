"""What moves numbers beside code, data and packages: thread pools, variables, framework settings."""

from collections.abc import Mapping

from envsnap.manifest.numerics import Numerics
from envsnap.manifest.observation import NUMERICS_VARIABLES, Observation


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
        libraries=tuple(library for library in observation.libraries if library.family != "accelerator"),
        numpy=observation.numpy,
        torch=observation.torch,
    )
