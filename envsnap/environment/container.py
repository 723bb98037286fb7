"""A container image as a place where Python runs."""

from dataclasses import replace

from envsnap.host.container.engine import Engine
from envsnap.host.execution import Completed, Execution

_OUT_OF_MEMORY = "envsnap: the kernel killed a process of the container: it ran out of memory"


class ContainerEnvironment:
    """One image of a container engine; each command runs in a new container.

    Args:
        engine: the connection to the engine.
        image: name or ID of the image.
        name: what to call it in a message, for example the tag that the user gave.
        python: the command that starts the image's interpreter.
    """

    def __init__(self, engine: Engine, image: str, name: str, *, python: str = "python") -> None:
        self._engine = engine
        self._image = image
        self._name = name
        self._python = python

    @property
    def name(self) -> str:
        """What to call this environment in a message."""
        return f"container {self._name}"

    @property
    def python(self) -> str:
        """The command that starts the image's interpreter."""
        return self._python

    def execute(self, execution: Execution) -> Completed:
        """Run one command in a new container; none of the caller's variables reaches it.

        Where the kernel killed a process for its memory, the last line of standard error says so.

        Raises:
            MissingToolError: the image, the command, a GPU or the engine is not there.
            UsageError: a path to mount is not there.
        """
        ended = self._engine.run(self._image, execution)
        if not ended.out_of_memory:
            return ended
        execution.on_output(_OUT_OF_MEMORY)
        return replace(ended, stderr=ended.stderr + f"\n{_OUT_OF_MEMORY}\n".encode())
