"""Seeds torch and TensorFlow, and asks them for deterministic algorithms, once the job has imported them.

Every process gets the same seed: unseeded, torch's default generator starts alike in every process too, and
torch seeds the workers of a DataLoader from it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Module = Any  # frameworks are no dependency
    Attempt = Callable[..., Any]


def actions(seed: int | None, deterministic: bool) -> dict[str, Callable[[Any], None]]:
    """Return what to do after the import of each framework."""
    return {
        "torch": lambda torch: settle_torch(torch, seed, deterministic),
        "tensorflow": lambda tensorflow: settle_tensorflow(tensorflow, seed, deterministic),
    }


class EarlySettings:
    """The frameworks' settings as they stood after the import and the settling, before the job's next line.

    JAX gives up its devices in a function of atexit, which runs before the report is written: ``ends`` has what was
    there before.
    """

    def __init__(self) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        self.ends: dict[str, dict[str, Any]] = {}

    def actions(self) -> dict[str, Callable[[Any], None]]:
        """Return what to do after the import of each framework, once it is settled."""
        return {
            "torch": lambda torch: self._keep("torch", lambda: _settings().read_torch(torch, _silent, early=True)),
            "tensorflow": lambda tensorflow: self._keep(
                "tensorflow", lambda: _settings().read_tensorflow(tensorflow, _silent, early=True)
            ),
            "jax": self._start_jax,
        }

    def _start_jax(self, jax: Module) -> None:
        import atexit

        self._keep("jax", lambda: _settings().read_jax(jax, _silent))
        atexit.register(lambda: self.ends.update(jax=_silent("", lambda: _settings().read_jax(jax, _silent), {})))

    def _keep(self, name: str, read: Callable[[], dict[str, Any]]) -> None:
        import warnings

        with warnings.catch_warnings():
            # Reading a deprecated setting must not disturb a job that makes warnings errors.
            warnings.simplefilter("ignore")
            self.settings[name] = read()


def _settings() -> Module:
    from . import settings  # a job without a framework does without

    return settings


def _silent(_what: str, action: Callable[[], Any], default: Any = None) -> Any:  # noqa: ANN401 - any setting
    """Leave the errors to the reading at exit, which tells them."""
    try:
        return action()
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return default


def settle_torch(torch: Module, seed: int | None, deterministic: bool) -> None:
    """Seed all devices, which does not initialise CUDA, and prefer deterministic algorithms.

    https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    if seed is not None:
        torch.manual_seed(seed)
    if deterministic:
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        # Before torch 1.11 warn_only is unknown: that error is recorded; raising would break jobs.
        _deterministic_switch(torch)(True, warn_only=True)


def _deterministic_switch(torch: Module) -> Module:
    """Return the function that asks for deterministic algorithms.

    The public one of newer torches imports the compiler, for a second, only to set what TORCHINDUCTOR_DETERMINISTIC,
    which is injected too, will set when the job itself imports it.
    """
    inner: Module = getattr(getattr(torch, "_C", None), "_set_deterministic_algorithms", None)
    if inner is not None and os.environ.get("TORCHINDUCTOR_DETERMINISTIC") == "1":
        return inner
    return torch.use_deterministic_algorithms


def settle_tensorflow(tensorflow: Module, seed: int | None, deterministic: bool) -> None:
    """Seed TensorFlow and, from 2.8 on, make its operations deterministic; before that a variable does.

    ``keras.utils.set_random_seed`` would also overwrite the seeds that the job gave ``random`` and numpy.
    """
    if seed is not None:
        tensorflow.random.set_seed(seed)
    experimental: Module = getattr(tensorflow.config, "experimental", None)
    if deterministic and hasattr(experimental, "enable_op_determinism"):
        experimental.enable_op_determinism()
