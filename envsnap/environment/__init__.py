"""The places where Python runs: this machine's interpreters and container images."""

from envsnap.environment.protocol import Completed, Environment, Execution

__all__ = ["Completed", "Environment", "Execution"]
