"""Seeds torch and TensorFlow, and asks them for deterministic algorithms, once the job has imported them.

Every process gets the same seed: unseeded, torch's default generator starts alike in every process too, and
torch seeds the workers of a DataLoader from it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost each process milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Module = Any  # frameworks are no dependency


def actions(seed: int | None, deterministic: bool) -> dict[str, Callable[[Any], None]]:
    """Return what to do after the import of each framework."""
    return {
        "torch": lambda torch: settle_torch(torch, seed, deterministic),
        "tensorflow": lambda tensorflow: settle_tensorflow(tensorflow, seed, deterministic),
    }


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
        torch.use_deterministic_algorithms(True, warn_only=True)


def settle_tensorflow(tensorflow: Module, seed: int | None, deterministic: bool) -> None:
    """Seed TensorFlow and, from 2.8 on, make its operations deterministic; before that a variable does.

    ``keras.utils.set_random_seed`` would also overwrite the seeds that the job gave ``random`` and numpy.
    """
    if seed is not None:
        tensorflow.random.set_seed(seed)
    experimental: Module = getattr(tensorflow.config, "experimental", None)
    if deterministic and hasattr(experimental, "enable_op_determinism"):
        experimental.enable_op_determinism()
