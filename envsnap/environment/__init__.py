"""The places where Python runs: this machine's interpreters and container images."""

from envsnap.environment.protocol import Environment
from envsnap.host.execution import Completed, Execution

__all__ = ["Completed", "Environment", "Execution"]
